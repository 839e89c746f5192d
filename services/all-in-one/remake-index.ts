import { rebuildIndex } from '../indexer/rebuild.ts'
import type { RebuildResult } from '../indexer/rebuild.ts'
import { FileLedgerStorage } from '../ledger/adapters/files/file-ledger-storage.ts'
import { StorageReader } from '../ledger/ledger-reader.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { claimData } from './data-directory.ts'
import { openIndex } from './open-index.ts'

/** Makes the search index anew from the ledger alone. Takes the data directory for itself. */
export async function remakeIndex(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
): Promise<RebuildResult> {
  using _claim = claimData(config)
  const paths = dataPaths(config.dataDirectory)
  await using storage = await FileLedgerStorage.open({ directory: paths.ledger })
  await using ledger = new StorageReader(storage)
  await using index = await openIndex(config, logger, signal)
  return await rebuildIndex({ ledger, index, logger, signal })
}
