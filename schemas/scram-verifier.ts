import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

/**
 * What a server keeps instead of a password (RFC 5802 §3): it can check a SCRAM-SHA-256 proof with it, and nobody can sign in
 * with it. The values are base64.
 */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: string
  readonly storedKey: string
  readonly serverKey: string
}

const scramIterations = 4096

/**
 * The verifier of a password of our own making: 32 random bytes in base64url, so neither SASLprep nor many iterations add to it.
 * `salt` is 16 random bytes.
 */
export function deriveScramVerifier(
  password: string,
  salt: Buffer,
  iterations = scramIterations,
): ScramVerifier {
  const salted = pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const serverKey = createHmac('sha256', salted).update('Server Key').digest()
  return {
    iterations,
    salt: salt.toString('base64'),
    storedKey: createHash('sha256').update(clientKey).digest('base64'),
    serverKey: serverKey.toString('base64'),
  }
}
