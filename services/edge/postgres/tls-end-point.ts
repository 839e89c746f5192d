import { createHash } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'

/**
 * The tls-server-end-point channel binding (RFC 5929 §4.1): the certificate hashed by the hash of its own signature, with
 * SHA-256 in place of MD5 and SHA-1. Null for signatures without a hash of their own (Ed25519), where none is defined.
 */
export function tlsServerEndPoint(certificate: X509Certificate): Buffer | null {
  const algorithm = /sha-?(1|224|256|384|512)|md5/i.exec(certificate.signatureAlgorithm ?? '')
  if (algorithm === null) return null
  const bits = algorithm[1]
  const name = bits === undefined || bits === '1' ? 'sha256' : `sha${bits}`
  return createHash(name).update(certificate.raw).digest()
}
