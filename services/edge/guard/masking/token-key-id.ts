import { hash } from 'node:crypto'

/**
 * Names a masking key in evidence without saying anything about it: the first 16 hexadecimal digits of SHA-256 over
 * `affidavit masking key`, a NUL and the key. Whoever holds the key can tell that it is the one; another key, as after a rotation, has
 * another id. No token is a digest of that text: those are HMACs.
 */
export function tokenKeyId(key: Uint8Array): string {
  return hash('sha256', Buffer.concat([domain, key]), 'hex').slice(0, idDigits)
}

const domain = Buffer.from('affidavit masking key\0')
const idDigits = 16
