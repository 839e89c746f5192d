import type { LedgerReader } from '../ledger/reader.ts'
import type { Logger } from '../runtime/logger.ts'
import { entryDocument } from './ledger-documents.ts'
import type { IndexDocument } from './documents.ts'
import { joined, positionsIn } from './ranges.ts'
import type { Range, SearchIndex } from './search-index.ts'

export interface ReconcileOptions {
  readonly ledger: LedgerReader
  readonly index: SearchIndex
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** One log, in the ledger and in the index. */
export interface Reconciliation {
  readonly log: string
  /** Entries that the signed head covers. */
  readonly sealed: number
  /** Entries that the index says it has. */
  readonly indexed: number
  /** Sealed entries that the index has not come to yet. */
  readonly lag: number
  /** Entries with a payload that the index said it had and had not. */
  readonly missing: number
  /** Those of them that are still not there after they were written again: dead letters. */
  readonly remaining: number
}

/** So many positions are asked about at once. */
const span = 100_000
const batchBytes = 8 << 20

/**
 * Compares what the index says it has with what it has and with the ledger, and writes again from the ledger what is missing. Runs
 * beside the indexer: it only looks at what progress claims.
 */
export async function reconcileIndex(
  options: ReconcileOptions,
): Promise<readonly Reconciliation[]> {
  const { ledger, index, logger } = options
  const progress = new Map((await index.progress()).map(({ log, indexed }) => [log, indexed]))
  const heads = await ledger.logs()
  const results: Reconciliation[] = []
  for (const { origin: log, size: sealed } of heads) {
    const indexed = progress.get(log) ?? 0
    let missing = 0
    let remaining = 0
    for (let from = 0; from < indexed; from += span) {
      const part = await repair(options, log, { from, to: Math.min(from + span, indexed) })
      missing += part.missing
      remaining += part.remaining
    }
    const result = { log, sealed, indexed, lag: Math.max(0, sealed - indexed), missing, remaining }
    if (missing > 0) logger.error(result, 'the index lacked entries that it said it had')
    results.push(result)
  }
  const known = new Set(heads.map(({ origin }) => origin))
  for (const [log, indexed] of progress) {
    if (!known.has(log))
      logger.error({ log, indexed }, 'the index has a log that the ledger does not have')
  }
  return results
}

async function repair(
  options: ReconcileOptions,
  log: string,
  within: Range,
): Promise<{ readonly missing: number; readonly remaining: number }> {
  const { index, signal } = options
  const ask = (): Promise<readonly Range[]> => index.missing(log, within.from, within.to, signal)
  const ranges = await ask()
  let missing = 0
  for await (const documents of batches(options, log, ranges)) {
    missing += documents.length
    await index.apply(documents, { logs: [] }, signal)
  }
  if (missing === 0) return { missing, remaining: 0 }
  let remaining = 0
  for await (const documents of batches(options, log, await ask())) remaining += documents.length
  return { missing, remaining }
}

/** The documents of these positions, from the ledger, where they have one. */
async function* batches(
  { ledger, index, signal }: ReconcileOptions,
  log: string,
  ranges: readonly Range[],
): AsyncGenerator<readonly IndexDocument[]> {
  const positions = new Set(positionsIn(ranges))
  let documents: IndexDocument[] = []
  let bytes = 0
  for (const { from, to } of joined(ranges)) {
    for await (const entry of ledger.entries(log, from, to)) {
      signal.throwIfAborted()
      const document = positions.has(entry.position) ? entryDocument(entry) : null
      if (document === null) continue
      documents.push(document)
      bytes += entry.payload?.length ?? 0
      if (documents.length < index.batchSize && bytes < batchBytes) continue
      yield documents
      documents = []
      bytes = 0
    }
  }
  if (documents.length > 0) yield documents
}
