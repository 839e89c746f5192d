import { setTimeout as pause } from 'node:timers/promises'

import type { Batch, BatchResult, Bus } from '../../bus/bus.ts'
import { LedgerError } from '../error.ts'
import type { GapWatch } from './gap-watch.ts'
import { GraceClock } from './grace-clock.ts'
import type { LedgerPartition } from './ledger-partition.ts'
import type { LogStorage } from '../storage/storage.ts'

export interface RunOptions {
  readonly bus: Bus
  readonly signal: AbortSignal
  readonly topic: string
  readonly partitions: readonly LedgerPartition[]
  /** For each partition the log of the period before, which may not be published to its end. */
  readonly previous: readonly (LogStorage | null)[]
  readonly watch: GapWatch | null
}

const group = 'ledger'
/** They share the writes and syncs of one commit, so a backlog takes fewer of them. */
const recordsAtOnce = 2048
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
  const grace = new GraceClock(() => endsOf(options))
  if (watch !== null) loops.push(guard(watchLoop(watch, grace, partitions, drained.signal)))
  await guard(consume(options, grace, stop, failed))

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
  { bus, topic, partitions, watch }: RunOptions,
  grace: GraceClock,
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
      watch?.take(events, grace.nowMs)
      return result
    } catch (error) {
      // The bus would hand the batch over again, and again: a ledger that failed must stop.
      if (error instanceof LedgerError) failed.abort(error)
      throw error
    }
  }
  await consumer.run(handle, stop)
}

async function watchLoop(
  watch: GapWatch,
  grace: GraceClock,
  partitions: readonly LedgerPartition[],
  stop: AbortSignal,
): Promise<void> {
  const nextOf = (part: number): bigint => {
    const next = partitions[part]?.log.storage.entries.last.nextOffset ?? 0n
    return next < 0n ? 0n : next
  }
  while (!stop.aborted) {
    await pause(watchEveryMs, undefined, { signal: stop }).catch(() => undefined)
    if (await grace.tick(watchEveryMs, nextOf)) watch.expire(grace.nowMs)
  }
}

async function endsOf({ bus, partitions, topic }: RunOptions): Promise<readonly bigint[]> {
  const marks = partitions.map((_, part) => bus.watermarks(topic, part))
  return (await Promise.all(marks)).map(({ high }) => high)
}
