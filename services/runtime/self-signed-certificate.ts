import {
  X509Certificate,
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname } from 'node:path'
import * as der from './der.ts'

export interface CertificateRequest {
  readonly commonName: string
  /** DNS names and IP addresses a client may connect to. */
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface Certificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

const ecdsaWithSha256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'))
const dayMs = 86_400_000
const defaultDays = 825

/**
 * A certificate for one server that signs itself: a client that trusts exactly this certificate needs no authority.
 * ECDSA P-256, since SCRAM channel binding (RFC 5929 tls-server-end-point) has no hash for Ed25519. It is no CA, so whoever takes
 * its key can pose as this server only; no keyUsage, because several verifiers want keyCertSign of whatever signs, itself included.
 */
export function createSelfSignedCertificate(request: CertificateRequest): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subjectPublicKey = publicKey.export({ type: 'spki', format: 'der' })
  const name = distinguishedName(request.commonName)
  const body = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber()),
    ecdsaWithSha256,
    name,
    der.sequence(der.time(request.notBefore), der.time(request.notAfter)),
    name,
    subjectPublicKey,
    der.explicit(3, extensions(request.names, subjectPublicKey)),
  )
  const signature = sign('sha256', body, privateKey)
  const certificate = der.sequence(body, ecdsaWithSha256, der.bitString(signature))
  return {
    certificatePem: new X509Certificate(certificate).toString(),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/**
 * The certificate kept in two files, the key with mode 0600. Made when missing, and made anew when it is about to expire, lacks one of
 * the names, or does not belong to the key. Clients that were given the old file have to be given the new one.
 */
export async function ensureSelfSignedCertificate(options: {
  readonly certificateFile: string
  readonly keyFile: string
  readonly commonName: string
  readonly names: readonly string[]
  readonly now: Date
}): Promise<Certificate> {
  const { certificateFile, keyFile, now } = options
  const kept = await readCertificate(certificateFile, keyFile)
  if (kept !== null && isUsable(kept, options.names, now)) return kept
  const made = createSelfSignedCertificate({
    commonName: options.commonName,
    names: options.names,
    // A client whose clock is a little behind must not refuse it.
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + defaultDays * dayMs),
  })
  // The key first: a crash between the two leaves a pair that does not match, which the next call replaces.
  await replaceFile(keyFile, made.privateKeyPem, 0o600)
  await replaceFile(certificateFile, made.certificatePem, 0o644)
  return made
}

function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  // Neither zero nor negative, RFC 5280 §4.1.2.2.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function distinguishedName(commonName: string): Buffer {
  return der.sequence(
    der.set(der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String(commonName))),
  )
}

function extensions(names: readonly string[], subjectPublicKey: Uint8Array): Buffer {
  const keyIdentifier = createHash('sha256').update(subjectPublicKey).digest().subarray(0, 20)
  return der.sequence(
    // basicConstraints, critical: the empty sequence says that it is no CA.
    extension('2.5.29.19', true, der.sequence()),
    extension('2.5.29.14', false, der.octetString(keyIdentifier)),
    extension('2.5.29.37', false, der.sequence(der.objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', false, der.sequence(...names.map(generalName))),
  )
}

function extension(identifier: string, isCritical: boolean, value: Uint8Array): Buffer {
  return der.sequence(
    der.objectIdentifier(identifier),
    // DER leaves a default out, and `critical` is false by default.
    ...(isCritical ? [der.boolean(true)] : []),
    der.octetString(value),
  )
}

function generalName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return der.implicit(7, Uint8Array.from(name.split('.'), Number))
    case 6:
      return der.implicit(7, ipv6Bytes(name))
    default:
      return der.implicit(2, Buffer.from(name, 'latin1'))
  }
}

function ipv6Bytes(address: string): Uint8Array {
  // The URL parser turns every spelling, also one with an IPv4 tail, into hexadecimal groups with at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const bytes = Buffer.alloc(16)
  const groups = [...left, ...zeros, ...right]
  for (const [index, group] of groups.entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  }
  return bytes
}

async function readCertificate(
  certificateFile: string,
  keyFile: string,
): Promise<Certificate | null> {
  try {
    const [certificatePem, privateKeyPem] = await Promise.all([
      readFile(certificateFile, 'utf8'),
      readFile(keyFile, 'utf8'),
    ])
    return { certificatePem, privateKeyPem }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isUsable(certificate: Certificate, names: readonly string[], now: Date): boolean {
  let parsed: X509Certificate
  let key
  try {
    parsed = new X509Certificate(certificate.certificatePem)
    key = createPrivateKey(certificate.privateKeyPem)
  } catch {
    return false
  }
  const expiresMs = new Date(parsed.validTo).getTime()
  return (
    expiresMs - now.getTime() > 30 * dayMs &&
    parsed.checkPrivateKey(key) &&
    names.every((name) =>
      isIP(name) === 0 ? parsed.checkHost(name) !== undefined : parsed.checkIP(name) !== undefined,
    )
  )
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const fresh = `${file}.new`
  await writeFile(fresh, content, { mode, flush: true })
  await rename(fresh, file)
}
