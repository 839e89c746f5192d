import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import {
  createKeys,
  makeDirectories,
  refuseInitialized,
  signerOf,
  writeFormat,
} from './data-directory.ts'
import { createLogs } from './ledger-files.ts'

export interface InitializedData {
  readonly directory: string
  readonly logs: readonly { readonly origin: string; readonly vkey: string }[]
  readonly reporterVkey: string
}

/** Makes the data directory, the keys and the ledger. Refuses a directory that holds them already. */
export async function initializeData(config: Config, logger: Logger): Promise<InitializedData> {
  const directory = config.dataDirectory
  const paths = dataPaths(directory)
  refuseInitialized(config, 'affidavit up')
  makeDirectories(directory, paths.keys, join(directory, 'bus'), paths.index, paths.reports)
  await createKeys(config, [config.edge.id, 'api', 'reporter', 'ledger'])
  const logs = await createLogs(config, logger)
  const reporterVkey = (await signerOf(config, 'reporter')).vkey
  mkdirSync(paths.public, { recursive: true, mode: 0o755 })
  const apiVkey = (await signerOf(config, 'api')).vkey
  writeFileSync(join(paths.public, 'api.vkey'), `${apiVkey}\n`)
  writeFileSync(join(paths.public, 'reporter.vkey'), `${reporterVkey}\n`)
  writeFileSync(join(paths.public, 'logs.vkey'), logs.map(({ vkey }) => `${vkey}\n`).join(''))
  writeFormat(config)
  return { directory, logs, reporterVkey }
}
