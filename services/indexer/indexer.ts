import { setInterval } from 'node:timers/promises'

import type { Batch, BatchResult, Bus } from '../bus/bus.ts'
import { topics } from '../bus/topics.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { Logger } from '../runtime/logger.ts'
import { Concurrency } from './concurrency.ts'
import { documentOf } from './documents.ts'
import type { SealedRecord } from './documents.ts'
import { fillGaps } from './ledger-gaps.ts'
import type { IndexProgress } from './query.ts'
import { reconcileIndex } from './reconcile.ts'
import type { Reconciliation } from './reconcile.ts'
import { sealedRecordOf } from './sealed-record.ts'
import { IndexError } from './search-index.ts'
import type { SearchIndex } from './search-index.ts'

export interface IndexerOptions {
  readonly bus: Bus
  readonly index: SearchIndex
  /**
   * Fills in what the bus does not have any more. Without it progress is the highest position seen, and an offset that is too old to
   * be read ends the indexer with `BUS_OFFSET_OUT_OF_RANGE`: then only `rebuildIndex` helps.
   */
  readonly ledger?: LedgerReader
  /** How often the index is compared with the ledger and repaired, given one. Default an hour. */
  readonly reconcileEveryMs?: number
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface Indexer extends AsyncDisposable {
  /** Settles when reading ends: resolves after the signal or disposal, rejects with what made it impossible. */
  readonly done: Promise<void>
  /** Records of the sealed topic that are not in the index yet, per partition read so far. */
  lag(): readonly PartitionLag[]
  /** Records of the sealed topic that went into the index since the start. */
  applied(): number
  /** What the last comparison with the ledger found, per log. Empty before the first. */
  reconciled(): readonly Reconciliation[]
}

interface PartitionLag {
  readonly partition: number
  readonly records: number
}

const hourMs = 3_600_000
/** Enough to keep the index busy while one of them waits for its progress to be stored. */
const batchesAtOnce = 3

/** Keeps the index current from the sealed topic. */
export function startIndexer(options: IndexerOptions): Indexer {
  const { bus, index, ledger, logger } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const lags = new Map<number, number>()
  let applied = 0
  // What waits is records as they came: decoded, a batch of each partition would fill the memory.
  const turns = new Concurrency(batchesAtOnce, batchesAtOnce)
  const consumer = bus.consumer({
    group: 'indexer',
    topics: [topics.ledgerSealed],
    maxRecords: index.batchSize,
    startAt: async (topic, partition) => {
      const stored = await index.offset(topic, partition)
      if (stored === null) return 'oldest'
      if (ledger === undefined) return stored
      // What lies between is gone from the bus: the jump in positions will show, and the ledger has it.
      const { low } = await bus.watermarks(topic, partition)
      return stored < low ? low : stored
    },
  })
  const apply = async (batch: Batch): Promise<BatchResult> => {
    const first = batch.records[0]?.offset ?? batch.highWatermark
    lags.set(batch.partition, Number(batch.highWatermark - first))
    const next = (batch.records.at(-1)?.offset ?? batch.highWatermark - 1n) + 1n
    const records = batch.records.map(sealedRecordOf).filter((record) => record !== null)
    if (records.length < batch.records.length) {
      const skipped = batch.records.length - records.length
      logger.error(
        { partition: batch.partition, skipped },
        'records that no ledger sent were skipped',
      )
    }
    const progress = {
      logs: ends(records),
      offset: { topic: batch.topic, partition: batch.partition, next },
    }
    await using watch = watchPartition(batch, signal)
    await turns.run(async () => {
      if (ledger !== undefined) await fillGaps(ledger, index, records, watch.signal)
      await index.apply(records.map(documentOf), progress, watch.signal)
      lags.set(batch.partition, Number(batch.highWatermark - next))
      applied += batch.records.length
    }, watch.signal)
    return { commit: next }
  }
  let reconciled: readonly Reconciliation[] = []
  const reconcile = async (ledger: LedgerReader): Promise<void> => {
    const everyMs = options.reconcileEveryMs ?? hourMs
    for await (const _now of setInterval(everyMs, undefined, { signal, ref: false })) {
      try {
        reconciled = await reconcileIndex({ ledger, index, logger, signal })
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ err: error }, 'the index was not compared with the ledger')
      }
    }
  }
  // Ends with the signal only.
  const reconciling = ledger === undefined ? null : reconcile(ledger).catch(() => undefined)
  // An index that is gone will not come back by asking it again.
  let failure: IndexError | null = null
  const handle = async (batch: Batch): Promise<BatchResult> => {
    try {
      return await apply(batch)
    } catch (error) {
      if (error instanceof IndexError && error.code === 'INDEX_CLOSED') {
        failure = error
        stop.abort()
      }
      if (!signal.aborted) {
        logger.warn({ partition: batch.partition, err: error }, 'a batch was not indexed; again')
      }
      throw error
    }
  }
  const done = consumer.run(handle, signal).then(() => {
    if (failure !== null) throw failure
  })
  // Whoever awaits `done` hears of it; nobody has to.
  done.catch(() => undefined)
  return {
    done,
    lag: () => [...lags].map(([partition, records]) => ({ partition, records })),
    applied: () => applied,
    reconciled: () => reconciled,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await Promise.all([done.catch(() => undefined), reconciling])
      await consumer[Symbol.asyncDispose]()
    },
  }
}

const beatEveryMs = 2_000

/** Says that this reader is alive for as long as the index takes, and aborts when the partition was taken from it. */
function watchPartition(
  batch: Batch,
  stop: AbortSignal,
): AsyncDisposable & { readonly signal: AbortSignal } {
  const over = new AbortController()
  const taken = new AbortController()
  const beat = async (): Promise<void> => {
    for await (const _now of setInterval(beatEveryMs, undefined, { signal: over.signal })) {
      try {
        await batch.beat()
      } catch (error) {
        taken.abort(error)
        return
      }
    }
  }
  const beating = beat().catch(() => undefined)
  return {
    signal: AbortSignal.any([stop, taken.signal]),
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await beating
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
