import { setTimeout as pause } from 'node:timers/promises'

import type { Batch, BatchResult, Bus } from '../bus/bus.ts'
import type { Clock } from '../runtime/clock.ts'
import { LedgerError } from './error.ts'
import type { GapWatch } from './gap-watch.ts'
import type { LedgerPartition } from './ledger-partition.ts'
import type { LogStorage } from './storage.ts'

export interface RunOptions {
  readonly bus: Bus
  readonly signal: AbortSignal
  readonly topic: string
  readonly partitions: readonly LedgerPartition[]
  /** For each partition the log of the period before, which may not be published to its end. */
  readonly previous: readonly (LogStorage | null)[]
  readonly watch: GapWatch | null
  readonly clock: Clock
}

const group = 'ledger'
/** Sealing them is one piece of work of some milliseconds, in which nothing else of the process runs. */
const recordsAtOnce = 512
/** What is signed when stopping begins is still published, unless the bus does not take it within this time. */
const lastPublishMs = 5000
const watchEveryMs = 1000

/** Sealing, signing, publishing and watching, until the signal aborts or one of them fails. */
export async function runLedger(options: RunOptions): Promise<void> {
  const { bus, signal, topic, partitions, watch } = options
  const configured = await bus.partitionsOf(topic)
  if (configured !== partitions.length) {
    throw new LedgerError(
      'LEDGER_DIFFERENT',
      `${topic} has ${configured} partitions, the ledger ${partitions.length}`,
    )
  }
  const failed = new AbortController()
  const giveUp = new AbortController()
  const drained = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const guard = async (work: Promise<void>): Promise<void> => {
    try {
      await work
    } catch (error) {
      failed.abort(error)
    }
  }
  const loops: Promise<void>[] = []
  for (const [index, partition] of partitions.entries()) {
    const previous = options.previous[index] ?? null
    loops.push(guard(partition.signLoop(drained.signal)))
    loops.push(guard(partition.publishLoop(bus.producer, previous, drained.signal, giveUp.signal)))
  }
  if (watch !== null) loops.push(guard(watchLoop(watch, options.clock, drained.signal)))
  await guard(consume(options, stop, failed))

  // Everything that will be sealed is; the last checkpoint covers it.
  if (!failed.signal.aborted) {
    for (const partition of partitions) await guard(partition.sign())
  }
  if (failed.signal.aborted) giveUp.abort()
  drained.abort()
  const timeout = setTimeout(() => giveUp.abort(), lastPublishMs)
  await Promise.all(loops)
  clearTimeout(timeout)
  if (failed.signal.aborted) throw failed.signal.reason
}

async function consume(
  { bus, topic, partitions, watch, clock }: RunOptions,
  stop: AbortSignal,
  failed: AbortController,
): Promise<void> {
  const partitionOf = (part: number): LedgerPartition => {
    const partition = partitions[part]
    if (partition === undefined) throw new LedgerError('LEDGER_DIFFERENT', `no partition ${part}`)
    return partition
  }
  await using consumer = bus.consumer({
    group,
    topics: [topic],
    maxRecords: recordsAtOnce,
    async startAt(_, part) {
      const { low, high } = await bus.watermarks(topic, part)
      try {
        const { from, lost } = await partitionOf(part).startAt(low, high)
        if (lost !== null) watch?.note([lost])
        return from
      } catch (error) {
        failed.abort(error)
        throw error
      }
    },
  })
  const handle = async (batch: Batch): Promise<BatchResult> => {
    try {
      const { result, events, findings } = await partitionOf(batch.partition).handle(batch)
      watch?.note(findings)
      watch?.take(events, clock.nowMs())
      return result
    } catch (error) {
      // The bus would hand the batch over again, and again: a ledger that failed must stop.
      if (error instanceof LedgerError) failed.abort(error)
      throw error
    }
  }
  await consumer.run(handle, stop)
}

async function watchLoop(watch: GapWatch, clock: Clock, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await pause(watchEveryMs, undefined, { signal: stop }).catch(() => undefined)
    watch.expire(clock.nowMs())
  }
}
