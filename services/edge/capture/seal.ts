import type { SealPart } from '../../../schemas/event.ts'
import { formatVkey } from '../../ledger/proof/note.ts'
import type { SigningKey } from '../../runtime/key-file.ts'

/** Signs the head of a producer's chain: whoever has the seal can tell whether an event before it was changed or left out. */
export function sealPart(
  key: SigningKey,
  producer: string,
  headSeq: number,
  headSha256: Buffer,
): SealPart {
  const text = `affidavit/edge-seal/v1\n${producer}\n${headSeq}\n${headSha256.toString('hex')}\n`
  return {
    head_seq: headSeq,
    head_sha256: headSha256,
    vkey: formatVkey(producer, key.publicKey),
    signature: key.sign(Buffer.from(text)),
  }
}
