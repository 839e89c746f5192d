import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { BatchHandler, ConsumerOptions } from '../../bus.ts'
import { pauseUnlessAborted } from '../../../runtime/pause.ts'
import { handOver, handOverPause, mostAtOnce, type Turn } from '../../hand-over.ts'
import type { Claim, Group } from './group.ts'
import { outOfRange, type LogReader } from './log-reader.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { PartitionTable, PartitionView } from './partition-table.ts'
import type { Writer } from './writer.ts'

/** A handler that neither ends nor asks loses the partition after this; what it does then is refused by `beat`. */
const releaseMs = 30_000

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
  const { partitions, reader, writer, logger } = context
  const { topic, partition } = claim
  const signal = AbortSignal.any([stop, claim.revoked])
  await released(claim, signal)
  const isOver = (): boolean => signal.aborted
  if (isOver()) return
  group.begin(claim)
  const view = partitions.find(topic, partition)
  const retry = handOverPause()
  let position = await startOf(context, view, options)
  const turn: Turn = {
    topic,
    partition,
    isOver,
    isHeld: () => !claim.revoked.aborted,
    isOvertaken: () => !group.isReader(claim),
    highWatermark: () => BigInt(view.high),
    async goOn(commit) {
      if (commit < view.low || commit > view.high) throw outOfRange(view, commit)
      position = Number(commit)
      writer.keepOffset({ group: options.group, topic, partition, next: position })
      retry.reset()
    },
  }
  for (; !isOver(); await nextTurn()) {
    const records = reader.read(view, position, mostAtOnce(options))
    if (records.length === 0) {
      await partitions.grown(view, position, signal)
      continue
    }
    const outcome = await handOver({ options, handle, logger }, turn, records)
    if (outcome === 'over') return
    if (outcome === 'failed') await retry.wait(signal)
  }
}

/** Waits for whoever had the partition before. */
async function released(claim: Claim, signal: AbortSignal): Promise<void> {
  const wait = new AbortController()
  const either = AbortSignal.any([signal, wait.signal])
  await Promise.race([claim.previous, pauseUnlessAborted(releaseMs, either)])
  wait.abort()
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
