import type { Batch, Bus } from '../bus/bus.ts'
import { topics } from '../bus/topics.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { Logger } from '../runtime/logger.ts'
import { documentOf } from './documents.ts'
import type { SealedRecord } from './documents.ts'
import { indexEntries } from './ledger-documents.ts'
import type { IndexProgress } from './query.ts'
import { sealedRecordOf } from './sealed-record.ts'
import type { SearchIndex } from './search-index.ts'

export interface IndexerOptions {
  readonly bus: Bus
  readonly index: SearchIndex
  /**
   * Fills in what the bus does not have any more, or brought out of order. Without it a record that is too old to be read stops the
   * indexer with `BUS_OFFSET_OUT_OF_RANGE`, and only `rebuildIndex` helps.
   */
  readonly ledger?: LedgerReader
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface Indexer extends AsyncDisposable {
  /** Settles when reading ends: resolves after the signal or disposal, rejects with what made it impossible. */
  readonly done: Promise<void>
  /** Records of the sealed topic that are not in the index yet, per partition read so far. */
  lag(): readonly PartitionLag[]
}

export interface PartitionLag {
  readonly partition: number
  readonly records: number
}

/** One batch is one transaction and is decoded between two turns of the event loop. */
const maxRecords = 500

/** Keeps the index current from the sealed topic. */
export function startIndexer(options: IndexerOptions): Indexer {
  const { bus, index, ledger } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const lags = new Map<number, number>()
  const gaps = new LedgerGaps(options, signal)
  const consumer = bus.consumer({
    group: 'indexer',
    topics: [topics.ledgerSealed],
    maxRecords,
    startAt: async (topic, partition) => {
      const stored = await index.offset(topic, partition)
      if (stored === null) return 'oldest'
      if (ledger === undefined) return stored
      // What lies between is gone from the bus and is taken from the ledger when the jump in positions shows.
      const { low } = await bus.watermarks(topic, partition)
      return stored < low ? low : stored
    },
  })
  const handle = async (batch: Batch): Promise<{ commit: bigint }> => {
    const last = batch.records.at(-1)
    if (last === undefined) return { commit: batch.highWatermark }
    const next = last.offset + 1n
    const records = batch.records.map(sealedRecordOf)
    await gaps.fillBefore(records)
    await index.apply(records.map(documentOf), {
      logs: ends(records),
      offset: { topic: batch.topic, partition: batch.partition, next },
    })
    lags.set(batch.partition, Number(batch.highWatermark - next))
    return { commit: next }
  }
  const done = consumer.run(handle, signal)
  // Whoever awaits `done` hears of it; nobody has to.
  done.catch(() => undefined)
  return {
    done,
    lag: () => [...lags].map(([partition, records]) => ({ partition, records })),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await done.catch(() => undefined)
      await consumer[Symbol.asyncDispose]()
    },
  }
}

/** The end of each log that these records are of. */
function ends(records: readonly SealedRecord[]): readonly IndexProgress[] {
  const indexed = new Map<string, number>()
  for (const { log, position } of records) {
    indexed.set(log, Math.max(position + 1, indexed.get(log) ?? 0))
  }
  return [...indexed].map(([log, end]) => ({ log, indexed: end }))
}

/**
 * Positions of a log rise by one; a jump means that entries are only in the ledger: its own ones (genesis, losses), or events that the
 * bus has dropped since. They are indexed before what follows them, so that [0, indexed) stays true.
 */
class LedgerGaps {
  readonly #options: IndexerOptions
  readonly #signal: AbortSignal

  constructor(options: IndexerOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  async fillBefore(records: readonly SealedRecord[]): Promise<void> {
    const { index, ledger, logger } = this.#options
    const ends = new Map((await index.progress()).map(({ log, indexed }) => [log, indexed]))
    for (const { log, position } of records) {
      const from = ends.get(log) ?? 0
      if (position > from && ledger !== undefined) {
        await indexEntries(ledger, index, { log, from, to: position }, this.#signal)
      } else if (position > Math.max(from, 1)) {
        logger.warn({ log, from, to: position }, 'entries are not on the bus; rebuild the index')
      }
      ends.set(log, Math.max(from, position + 1))
    }
  }
}
