import type { LedgerReader } from '../ledger/reader.ts'
import type { Logger } from '../runtime/logger.ts'
import { indexEntries } from './ledger-documents.ts'
import type { SearchIndex } from './search-index.ts'

export interface RebuildOptions {
  readonly ledger: LedgerReader
  readonly index: SearchIndex
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface RebuildResult {
  readonly logs: number
  readonly entries: number
}

/**
 * Makes the index again from sealed entries alone. The old one answers and is kept current until the new one takes its place; reading
 * the bus goes on from where it was. A rebuild that fails or is stopped leaves the old index as it is.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<RebuildResult> {
  const { ledger, index, logger, signal } = options
  await using fresh = await index.beginRebuild()
  const done = new Map<string, number>()
  const fill = async (log: string, to: number): Promise<void> => {
    const from = done.get(log) ?? 0
    await indexEntries(ledger, fresh, { log, from, to, advances: true }, signal)
    done.set(log, Math.max(to, done.get(log) ?? 0))
  }
  for (const { origin, size } of await ledger.logs()) {
    await fill(origin, size)
    logger.info({ log: origin, entries: size }, 'a log was indexed again')
  }
  await fresh.swap(async (old) => {
    for (const { origin, size } of await ledger.logs()) await fill(origin, size)
    // The bus can be ahead of the signed head: what the old index has from it is durable in the ledger.
    for (const { log, indexed } of old) await fill(log, indexed)
  })
  const entries = [...done.values()].reduce((sum, size) => sum + size, 0)
  logger.info({ logs: done.size, entries }, 'the index was rebuilt')
  return { logs: done.size, entries }
}
