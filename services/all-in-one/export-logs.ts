import { join } from 'node:path'

import { FileLedgerStorage } from '../ledger/adapters/files/file-ledger-storage.ts'
import { exportC2sp } from '../ledger/export.ts'
import { StorageReader } from '../ledger/ledger-reader.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'

export interface ExportedLog {
  readonly origin: string
  readonly size: number
  readonly vkey: string
  readonly directory: string
}

/** Writes the logs, or the one with this origin, below a directory. Only reads the ledger, so its writer may be at work. */
export async function exportLogs(
  config: Config,
  directory: string,
  only: string | null,
): Promise<readonly ExportedLog[]> {
  const ledger = dataPaths(config.dataDirectory).ledger
  await using storage = await FileLedgerStorage.open({ directory: ledger })
  await using reader = new StorageReader(storage)
  const logs = await reader.logs()
  const heads = logs.filter(({ origin }) => only === null || origin === only)
  if (heads.length === 0) {
    const there = logs.map(({ origin }) => origin).join(', ')
    throw new Error(
      only === null || there === ''
        ? 'there is no log yet'
        : `no log is called ${only}; there is ${there}`,
    )
  }
  const written: ExportedLog[] = []
  for (const { origin, vkey } of heads) {
    const target = join(directory, origin)
    written.push({
      origin,
      vkey,
      directory: target,
      size: await exportC2sp(reader, origin, target),
    })
  }
  return written
}
