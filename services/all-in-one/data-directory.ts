import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { lockFile } from '../ledger/adapters/files/file-lock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config, EdgeConfig } from '../runtime/config.ts'
import { formatVkey } from '../ledger/proof/note.ts'
import type { Signer } from '../ledger/proof/note.ts'
import { createKeyFile, loadKeyFile } from '../runtime/key-file.ts'
import type { SigningKey } from '../runtime/key-file.ts'
import { prepareCertificate } from './edge-certificate.ts'

/** Changes when something in the data directory can no longer be read by the version before. */
const dataFormat = 2

class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError'
}

/** Makes what an edge of its own needs: its data directory, its key, and its certificate where there is none. */
export async function initializeEdge(config: EdgeConfig): Promise<void> {
  refuseInitialized(config, 'affidavit edge')
  makeDirectories(config.dataDirectory, dataPaths(config.dataDirectory).keys)
  await createKeys(config, [config.edge.id])
  await prepareCertificate(config)
  writeFormat(config)
}

/** Throws when the data directory holds a deployment; `next` is the command that starts it. */
export function refuseInitialized(config: EdgeConfig, next: string): void {
  if (!isInitialized(config)) return
  throw new DataDirectoryError(
    `${config.dataDirectory} is in use by a deployment already; start it with: ${next}`,
  )
}

/** Makes directories that only their owner enters. */
export function makeDirectories(...directories: readonly string[]): void {
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 })
}

/** Makes the keys that are missing. A key that exists is kept: it cannot be made again. */
export async function createKeys(config: EdgeConfig, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = keyFile(config, name)
    if (!existsSync(file)) await createKeyFile(file)
  }
}

/** With it the directory counts as complete, so it comes last. */
export function writeFormat({ dataDirectory, tenant }: EdgeConfig): void {
  writeFileSync(
    dataPaths(dataDirectory).format,
    `${JSON.stringify({ format: dataFormat, tenant })}\n`,
  )
}

export function isInitialized(config: EdgeConfig): boolean {
  return existsSync(dataPaths(config.dataDirectory).format)
}

/**
 * Claims the data directory for this process. Throws `DataDirectoryError` with what to do when it cannot be used; `init` is the
 * command that would have made it.
 */
export function claimData(config: EdgeConfig, init = 'affidavit init'): Disposable {
  const directory = config.dataDirectory
  const { format } = dataPaths(directory)
  if (!existsSync(format)) {
    throw new DataDirectoryError(`${directory} holds no deployment yet; make one with: ${init}`)
  }
  const found = readFormat(format)
  if (found.format !== dataFormat) {
    throw new DataDirectoryError(
      `${directory} is of data format ${String(found.format)}, and this version reads ${dataFormat}; use the version that wrote it`,
    )
  }
  if (found.tenant !== config.tenant) {
    throw new DataDirectoryError(
      `${directory} belongs to the tenant ${String(found.tenant)}, not ${config.tenant}; correct tenant or data in the configuration`,
    )
  }
  try {
    return lockFile(join(directory, 'LOCK'))
  } catch (cause) {
    throw new DataDirectoryError(
      `${directory} is in use by another process; stop that one first, or set data to another directory`,
      { cause },
    )
  }
}

function readFormat(file: string): { format?: unknown; tenant?: unknown } {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown; tenant?: unknown }
  } catch (cause) {
    throw new DataDirectoryError(`${file} cannot be read`, { cause })
  }
}

/** The signer of a service, named `operator/environment/service`. */
export async function signerOf(config: Config, service: string): Promise<Signer> {
  const key = await keyOf(config, service)
  const name = `${config.ledger.operator}/${config.ledger.environment}/${service}`
  return {
    name,
    vkey: formatVkey(name, key.publicKey),
    publicKey: key.publicKey,
    sign: (message) => key.sign(message),
  }
}

/** The key by which a producer signs its chain, or a service what it says. */
export function keyOf(config: EdgeConfig, name: string): Promise<SigningKey> {
  return loadKeyFile(keyFile(config, name))
}

function keyFile(config: EdgeConfig, name: string): string {
  return join(dataPaths(config.dataDirectory).keys, `${name}.key`)
}
