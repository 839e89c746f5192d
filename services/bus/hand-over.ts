import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { GrowingPause } from '../runtime/pause.ts'
import {
  BusError,
  type Batch,
  type BatchHandler,
  type ConsumerOptions,
  type StoredRecord,
} from './bus.ts'
import { describeFault } from './fault.ts'

/** One reader's turn at one partition, from when it was given to it until it is taken away: what only an adapter knows of it. */
export interface Turn {
  readonly topic: string
  readonly partition: number
  /** Nothing more is handed over: the reader is to stop, or the partition was taken from it. */
  isOver(): boolean
  /** Whether nobody else can have the partition yet. */
  isHeld(): boolean
  /** Whether another reader has begun: then its word counts, and not what this one's handler comes to. */
  isOvertaken(): boolean
  highWatermark(): bigint
  /**
   * Goes on from this offset, and keeps it for the group. `BUS_OFFSET_OUT_OF_RANGE` where the partition has none such. `isNext`:
   * it is the one after the records that were handed over.
   */
  goOn(commit: bigint, isNext: boolean): Promise<void>
}

/** To whom records are handed over. */
export interface Receiver {
  readonly options: ConsumerOptions
  readonly handle: BatchHandler
  readonly logger: Logger | undefined
}

/**
 * `handled`: read on from where the turn went on. `failed`: from there again, after a pause. `over`: there is no more to do in this
 * turn.
 */
export type HandedOver = 'handled' | 'failed' | 'over'

/** Hands records that follow each other over, so many at a time, until one part of them fails or its handler goes elsewhere. */
export async function handOver(
  receiver: Receiver,
  turn: Turn,
  records: readonly StoredRecord[],
): Promise<HandedOver> {
  const most = mostAtOnce(receiver.options)
  for (let at = 0; at < records.length; at += most) {
    // A handler may end without ever waiting for anything, and whoever wants to stop us has to get a word in.
    if (at > 0) await nextTurn()
    if (turn.isOver()) return 'over'
    const part = records.slice(at, at + most)
    const outcome = await handled(receiver, turn, part)
    if (typeof outcome === 'string') return outcome
    if (turn.isOvertaken()) return 'over'
    const isNext = outcome === (part.at(-1)?.offset ?? outcome) + 1n
    await turn.goOn(outcome, isNext)
    if (!isNext) break
  }
  return 'handled'
}

/** How many records a handler takes at once. */
export function mostAtOnce({ maxRecords = 1_000 }: ConsumerOptions): number {
  return Math.max(1, maxRecords)
}

/** The pauses before a batch is handed over again. */
export function handOverPause(): GrowingPause {
  return new GrowingPause(100, 10_000)
}

/** The offset that the handler says to go on from. */
async function handled(
  { options, handle, logger }: Receiver,
  turn: Turn,
  records: readonly StoredRecord[],
): Promise<bigint | 'failed' | 'over'> {
  const { topic, partition } = turn
  const told = { isStale: false }
  const batch: Batch = {
    topic,
    partition,
    records,
    highWatermark: turn.highWatermark(),
    beat: async () => {
      if (turn.isHeld()) return
      told.isStale = true
      const message = `${topic}[${partition}] may have been given to another reader`
      throw new BusError('BUS_STALE_READER', message)
    },
  }
  try {
    const { commit } = await handle(batch)
    // It was told, and whatever it did after that is not for us to confirm.
    return told.isStale ? 'over' : commit
  } catch (error) {
    if (turn.isOver()) return 'over'
    const place = { group: options.group, topic, partition, offset: String(records[0]?.offset) }
    logger?.error(
      { ...place, records: records.length, fault: describeFault(error) },
      'a batch could not be handled, it is handed over again',
    )
    return 'failed'
  }
}
