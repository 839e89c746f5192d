import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { topics } from '../bus/topics.ts'
import { FileLedgerStorage } from '../ledger/adapters/files/file-ledger-storage.ts'
import { createLedger, openLedger } from '../ledger/ledger.ts'
import type { Ledger, LedgerOptions } from '../ledger/ledger.ts'
import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import { loadKeyFile } from '../runtime/key-file.ts'
import type { Logger } from '../runtime/logger.ts'

/** Makes the ledger of this configuration in files and says which logs it has. */
export async function createLogs(
  config: Config,
  logger: Logger,
): Promise<readonly { readonly origin: string; readonly vkey: string }[]> {
  const { ledger: directory } = dataPaths(config.dataDirectory)
  await FileLedgerStorage.create({ directory })
  const storage = await FileLedgerStorage.open({ directory })
  await createLedger(await options(config, storage, logger))
  await storage[Symbol.asyncDispose]()
  // Opening signs the first checkpoints, so that there is something to witness from the beginning.
  await using ledger = await openLogs(config, logger)
  return (await ledger.reader.logs()).map(({ origin, vkey }) => ({ origin, vkey }))
}

export async function openLogs(config: Config, logger: Logger): Promise<Ledger> {
  const { ledger: directory } = dataPaths(config.dataDirectory)
  return openLedger(await options(config, await FileLedgerStorage.open({ directory }), logger))
}

async function options(
  config: Config,
  storage: FileLedgerStorage,
  logger: Logger,
): Promise<LedgerOptions> {
  return {
    storage,
    operator: config.ledger.operator,
    environment: config.ledger.environment,
    topic: topics.auditEvents,
    partitions: config.bus.partitions,
    key: await loadKeyFile(join(dataPaths(config.dataDirectory).keys, 'ledger.key')),
    clock: systemClock,
    logger: logger.child({ part: 'ledger' }),
    randomBytes,
    checkpointMs: config.ledger.checkpointMs,
  }
}
