import { GrowingPause } from '../runtime/pause.ts'
import { BusError } from './bus.ts'
import type { BatchHandler, Bus } from './bus.ts'

export interface ReadOnOptions {
  readonly bus: Bus
  readonly group: string
  readonly topic: string
  /** Where the reader stopped before, by its own store; null: it begins. Without it, what its group has committed counts. */
  stoppedAt?(partition: number): bigint | null
  readonly handle: BatchHandler
  /** Told before reading goes on after a hole, once for each. */
  onMissed(missed: Missed): void
  readonly signal: AbortSignal
}

/** What a reader had not read and can read no more. Reading goes on at `from`, the oldest record that there is. */
export interface Missed {
  readonly topic: string
  readonly partition: number
  /** Where it stopped. */
  readonly stoppedAt: bigint
  readonly from: bigint
  /** `deleted`: the records from `stoppedAt` up to `from`. `cut_off`: the partition ends before `stoppedAt`; which are missing is not known. */
  readonly reason: 'deleted' | 'cut_off'
}

export interface Resumption {
  readonly from: bigint
  readonly missed: Missed['reason'] | null
}

const longestPauseMs = 5_000

/**
 * Reads a topic on from where it was left, until the signal aborts. For readers that can do with a hole, as long as somebody is told of
 * it: where what comes next is gone, at the start or later on, reading goes on with the oldest record that there is.
 */
export async function readOn(options: ReadOnOptions): Promise<void> {
  const { signal } = options
  const start = new Start(options)
  const beforeJoining = new GrowingPause(100, longestPauseMs)
  let toldBefore = -1
  while (!signal.aborted) {
    try {
      await readUntilHole(options, start)
    } catch (error) {
      const isHole = error instanceof BusError && error.code === 'BUS_OFFSET_OUT_OF_RANGE'
      // A start that sees no hole where reading finds one would find it for ever.
      if (!isHole || error === start.failure || start.told === toldBefore) throw error
      toldBefore = start.told
    }
    await beforeJoining.wait(signal)
  }
}

/** Where to go on, by where reading stopped and what the partition has. */
export function resume(
  stoppedAt: bigint | null,
  { low, high }: { readonly low: bigint; readonly high: bigint },
): Resumption {
  if (stoppedAt === null) return { from: low, missed: null }
  if (stoppedAt < low) return { from: low, missed: 'deleted' }
  if (stoppedAt > high) return { from: low, missed: 'cut_off' }
  return { from: stoppedAt, missed: null }
}

async function readUntilHole(options: ReadOnOptions, start: Start): Promise<void> {
  const { bus, group, topic, handle, signal } = options
  await using consumer = bus.consumer({
    group,
    topics: [topic],
    startAt: (_, partition) => start.at(partition),
  })
  await consumer.run(async (batch) => {
    const result = await handle(batch)
    // What lies beyond is not for a reader to say: the bus refuses it.
    if (result.commit <= batch.highWatermark) start.cameTo(batch.partition, result.commit)
    return result
  }, signal)
}

/** Where each partition begins when it is assigned, and what holes that showed. */
class Start {
  /** How many holes were told of. */
  told = 0
  /** What made it impossible to know where to go on. */
  failure: unknown = null
  readonly #options: ReadOnOptions
  /** Where this reader is: what it has not committed yet, or began with, counts as well. */
  readonly #here = new Map<number, bigint>()
  /** A partition is assigned anew at each rebalance: as long as `stored` is what it was at the hole, the reader goes on behind the hole. */
  readonly #holes = new Map<number, { readonly stored: bigint | null; readonly from: bigint }>()

  constructor(options: ReadOnOptions) {
    this.#options = options
  }

  cameTo(partition: number, next: bigint): void {
    this.#here.set(partition, next)
  }

  async at(partition: number): Promise<bigint> {
    try {
      const { bus, topic } = this.#options
      const stored = await this.#stoppedAt(partition)
      const hole = this.#holes.get(partition)
      const known = hole !== undefined && hole.stored === stored ? hole.from : stored
      const stoppedAt = later(known, this.#here.get(partition))
      const { from, missed } = resume(stoppedAt, await bus.watermarks(topic, partition))
      this.#here.set(partition, from)
      if (missed !== null && stoppedAt !== null) {
        this.#holes.set(partition, { stored, from })
        this.told += 1
        this.#options.onMissed({ topic, partition, stoppedAt, from, reason: missed })
      }
      return from
    } catch (error) {
      this.failure = error
      throw error
    }
  }

  async #stoppedAt(partition: number): Promise<bigint | null> {
    const { bus, group, topic } = this.#options
    if (this.#options.stoppedAt !== undefined) return this.#options.stoppedAt(partition)
    return bus.committed(group, topic, partition)
  }
}

function later(one: bigint | null, other: bigint | undefined): bigint | null {
  if (one === null || other === undefined) return one ?? other ?? null
  return one > other ? one : other
}
