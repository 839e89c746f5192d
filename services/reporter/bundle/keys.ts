import { createHash, createPublicKey } from 'node:crypto'

import { parseVkey } from '../../ledger/proof/note.ts'

/** The public key of a vkey in PEM, as openssl reads it. */
export function publicKeyPem(vkey: string): string {
  return parseVkey(vkey).key.export({ type: 'spki', format: 'pem' }) as string
}

/** SHA-256 of the public key's DER: what `openssl pkey -pubin -outform DER | sha256sum` prints. */
export function fingerprintOf(vkey: string): string {
  const der = createPublicKey(publicKeyPem(vkey)).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex')
}
