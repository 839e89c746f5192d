import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { ensureSelfSignedCertificate } from '../../runtime/self-signed-certificate.ts'
import { openIssuerFiles } from './issuer/issuer-files.ts'
import { ensurePrivateFile, ensureSecret } from './secret-file.ts'

export interface DemoSecretsOptions {
  /** Gets a folder for each part: `issuer`, `services`, `edge` and `shop`. */
  readonly directory: string
  /** Names by which clients reach the edge, and the edge the shop's database. */
  readonly edgeNames: readonly string[]
  readonly shopNames: readonly string[]
  readonly now: Date
}

/**
 * Draws the secrets of a demo whose parts run apart, each part's in a folder of its own, so that no part is given what it does not
 * need: the edge alone holds the password of the shop, the services never see it. What is there already stays.
 */
export async function makeDemoSecrets(options: DemoSecretsOptions): Promise<void> {
  const at = (...parts: readonly string[]): string => join(options.directory, ...parts)
  const { clients } = await openIssuerFiles(at('issuer'))
  await ensurePrivateFile(at('services', 'console.secret'), () => clients.console.clientSecret)

  await ensureSecret(at('shop', 'superuser.password'))
  const heldPassword = await ensureSecret(at('shop', 'held.password'))
  await ensurePrivateFile(at('edge', 'shop.password'), () => heldPassword)

  await ensureSelfSignedCertificate({
    certificateFile: at('shop', 'server.crt'),
    keyFile: at('shop', 'server.key'),
    commonName: 'affidavit demo PostgreSQL',
    names: options.shopNames,
    now: options.now,
  })
  await copyPublic(at('shop', 'server.crt'), at('edge', 'shop.crt'))

  await ensureSelfSignedCertificate({
    certificateFile: at('edge', 'edge.crt'),
    keyFile: at('edge', 'edge.key'),
    commonName: 'affidavit demo edge',
    names: options.edgeNames,
    now: options.now,
  })
  await copyPublic(at('edge', 'edge.crt'), at('services', 'edge.crt'))
}

async function copyPublic(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await copyFile(from, to)
}
