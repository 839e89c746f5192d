import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig } from '../runtime/config.ts'
import { ensureSelfSignedCertificate } from '../runtime/self-signed-certificate.ts'
import type { Certificate } from '../runtime/self-signed-certificate.ts'

/** The certificate of the configuration with its key, or one of our own in the data directory that clients are given to trust. */
export async function edgeCertificate(config: EdgeConfig): Promise<Certificate> {
  const { certificate } = config.edge
  if (certificate === null) {
    const { edgeCertificate: file, edgeCertificateKey: keyFile } = dataPaths(config.dataDirectory)
    return ownCertificate(config, file, keyFile)
  }
  return {
    certificatePem: await readFile(certificate.certificateFile, 'utf8'),
    privateKeyPem: await readFile(keyFileOf(certificate), 'utf8'),
  }
}

/** What clients of edges elsewhere are given to trust. */
export async function publishedCertificate(config: EdgeConfig): Promise<string> {
  const { certificate } = config.edge
  if (certificate !== null) return readFile(certificate.certificateFile, 'utf8')
  throw new Error(
    'edges elsewhere have a certificate of their own: name a copy of it in edge.tls.certificate_file',
  )
}

/** Where the certificate lies that clients are given to trust. */
export function certificateFileOf({ edge, dataDirectory }: EdgeConfig): string {
  return edge.certificate?.certificateFile ?? dataPaths(dataDirectory).edgeCertificate
}

/** Makes the pair of files that the configuration names, where neither is there. */
export async function prepareCertificate(config: EdgeConfig): Promise<void> {
  const { certificate } = config.edge
  if (certificate === null) {
    await edgeCertificate(config)
    return
  }
  const { certificateFile } = certificate
  const keyFile = keyFileOf(certificate)
  if (existsSync(certificateFile) || existsSync(keyFile)) return
  await ownCertificate(config, certificateFile, keyFile)
}

function keyFileOf(certificate: { readonly keyFile: string | null }): string {
  if (certificate.keyFile !== null) return certificate.keyFile
  throw new Error('edge.tls names a certificate but no key_file; an edge needs both')
}

function ownCertificate(
  { listen, edge }: EdgeConfig,
  certificateFile: string,
  keyFile: string,
): Promise<Certificate> {
  return ensureSelfSignedCertificate({
    certificateFile,
    keyFile,
    commonName: `affidavit edge ${edge.id}`,
    names: [...new Set(['localhost', '127.0.0.1', listen, edge.publicHost])],
    now: new Date(systemClock.nowMs()),
  })
}
