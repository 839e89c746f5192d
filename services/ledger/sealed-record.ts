import { sealedHeaders } from '../bus/topics.ts'

/** The headers of an entry on `ledger.sealed`: the origin as text, the position in decimal, the leaf hash as its 32 bytes. */
export function sealedRecordHeaders(
  log: string,
  position: number,
  leafHash: Buffer,
): Readonly<Record<string, Buffer>> {
  return {
    [sealedHeaders.log]: Buffer.from(log),
    [sealedHeaders.position]: Buffer.from(String(position)),
    [sealedHeaders.leafHash]: leafHash,
  }
}
