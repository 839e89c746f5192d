import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import {
  BusError,
  type Batch,
  type BatchHandler,
  type ConsumerOptions,
  type StoredRecord,
} from '../../bus.ts'
import { describeFault } from '../../fault.ts'
import type { Claim, Group } from './group.ts'
import { outOfRange, type LogReader } from './log-reader.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { PartitionTable, PartitionView } from './partition-table.ts'
import type { Writer } from './writer.ts'

const defaultRecords = 1_000
const firstPauseMs = 100
const longestPauseMs = 10_000
/** A handler that neither ends nor asks loses the partition after this; what it does then is refused by `beat`. */
const handOverMs = 30_000

/** What the readers of one bus share. */
export interface ReadContext {
  readonly partitions: PartitionTable
  readonly reader: LogReader
  readonly offsets: GroupOffsets
  readonly writer: Writer
  readonly logger: Logger | undefined
}

/** Reads one partition for as long as the claim is the reader's and the signal lets it. */
export async function readPartition(
  context: ReadContext,
  group: Group,
  claim: Claim,
  options: ConsumerOptions,
  handle: BatchHandler,
  stop: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([stop, claim.revoked])
  await handedOver(claim, signal)
  const isOver = (): boolean => signal.aborted
  if (isOver()) return
  group.begin(claim)
  const view = context.partitions.find(claim.topic, claim.partition)
  const maxRecords = Math.max(1, options.maxRecords ?? defaultRecords)
  let position = await startOf(context, view, options)
  let ahead: readonly StoredRecord[] = []
  let pauseMs = firstPauseMs
  for (; !isOver(); await nextTurn()) {
    // What was read with the last batch and not handed over yet, unless the handler went elsewhere.
    if (ahead[0]?.offset !== BigInt(position))
      ahead = context.reader.read(view, position, maxRecords)
    if (ahead.length === 0) {
      await context.partitions.grown(view, position, signal)
      continue
    }
    const records = ahead.slice(0, maxRecords)
    ahead = ahead.slice(maxRecords)
    let commit: bigint
    try {
      commit = (await handle(batchOf(view, records, claim))).commit
      pauseMs = firstPauseMs
    } catch (error) {
      ahead = []
      if (isOver()) return
      const place = { group: options.group, topic: claim.topic, partition: claim.partition }
      context.logger?.error(
        { ...place, offset: position, records: records.length, fault: describeFault(error) },
        'a batch could not be handled, it is handed over again',
      )
      await pauseUnlessAborted(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
      continue
    }
    // A handler that ended after the partition moved on has been overtaken: the new reader's word counts.
    if (!group.isReader(claim)) return
    if (commit < view.low || commit > view.high) throw outOfRange(view, commit)
    position = Number(commit)
    const { topic, partition } = claim
    context.writer.keepOffset({ group: options.group, topic, partition, next: position })
  }
}

async function handedOver(claim: Claim, signal: AbortSignal): Promise<void> {
  const wait = new AbortController()
  const either = AbortSignal.any([signal, wait.signal])
  await Promise.race([claim.previous, pauseUnlessAborted(handOverMs, either)])
  wait.abort()
}

async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined)
}

async function startOf(
  context: ReadContext,
  view: PartitionView,
  options: ConsumerOptions,
): Promise<number> {
  const { topic, partition } = view
  const start = (await options.startAt?.(topic, partition)) ?? 'committed'
  if (start === 'oldest') return view.low
  if (start === 'committed') return context.offsets.get(options.group, topic, partition) ?? view.low
  if (start < view.low || start > view.high) throw outOfRange(view, start)
  return Number(start)
}

function batchOf(view: PartitionView, records: readonly StoredRecord[], claim: Claim): Batch {
  const { topic, partition } = view
  return {
    topic,
    partition,
    records,
    highWatermark: BigInt(view.high),
    beat: () =>
      claim.revoked.aborted
        ? Promise.reject(
            new BusError('BUS_STALE_READER', `${topic}[${partition}] was given to another reader`),
          )
        : Promise.resolve(),
  }
}
