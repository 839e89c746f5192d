import type { BatchHandler, Bus, StoredRecord } from './bus.ts'
import type { KeptOffsets } from './kept-offsets.ts'
import { readOn, resume } from './read-on.ts'
import type { Missed } from './read-on.ts'

export interface FollowOptions {
  readonly bus: Bus
  /** The consumer group: nobody else's, since each follower reads everything for itself. */
  readonly group: string
  readonly topic: string
  /** When it throws or rejects, the record comes again after a pause, with others of before. */
  readonly take: (record: StoredRecord) => void | Promise<void>
  /** How far earlier starts got. Without it each start reads from the oldest record on, as of a compacted topic. */
  readonly kept?: KeptProgress
  readonly signal: AbortSignal
}

export interface KeptProgress {
  readonly offsets: KeptOffsets
  /** Told of what was gone before it was taken. */
  onMissed(missed: Missed): void
}

export interface Following {
  /** Resolves once everything that was on the topic when following began has been taken; rejects as `done` does before that. */
  readonly caughtUp: Promise<void>
  /** Resolves when the signal has aborted; rejects when the topic can no longer be followed. */
  readonly done: Promise<void>
}

/** Reads a topic to its end, and then what comes. */
export function followTopic(options: FollowOptions): Following {
  const caughtUp = Promise.withResolvers<undefined>()
  const done = follow(options, () => caughtUp.resolve(undefined))
  const early = Promise.race([caughtUp.promise, done])
  // Whoever awaits it hears of a failure; nobody has to.
  early.catch(() => undefined)
  return { caughtUp: early, done }
}

async function follow(options: FollowOptions, onCaughtUp: () => void): Promise<void> {
  const { take, kept } = options
  const behind = await ends(options)
  const cameTo = (partition: number, next: bigint): void => {
    kept?.offsets.note(partition, next)
    if (next >= (behind.get(partition) ?? 0n)) behind.delete(partition)
    if (behind.size === 0) onCaughtUp()
  }
  if (behind.size === 0) onCaughtUp()
  const handle: BatchHandler = async ({ partition, records }) => {
    for (const record of records) await take(record)
    const next = (records.at(-1)?.offset ?? -1n) + 1n
    cameTo(partition, next)
    return { commit: next }
  }
  if (kept === undefined) return readAll(options, handle)
  await readOn({
    ...options,
    handle,
    stoppedAt: (partition) => kept.offsets.next(partition),
    onMissed: (missed) => {
      kept.onMissed(missed)
      cameTo(missed.partition, missed.from)
    },
  })
}

/** Whoever needs all of a topic cannot do with a hole. */
async function readAll(
  { bus, group, topic, signal }: FollowOptions,
  handle: BatchHandler,
): Promise<void> {
  const startAt = (): Promise<'oldest'> => Promise.resolve('oldest')
  await using consumer = bus.consumer({ group, topics: [topic], startAt })
  await consumer.run(handle, signal)
}

/** Where each partition that has records to read ends. */
async function ends({ bus, topic, kept }: FollowOptions): Promise<Map<number, bigint>> {
  const found = new Map<number, bigint>()
  const partitions = await bus.partitionsOf(topic)
  for (let partition = 0; partition < partitions; partition += 1) {
    const marks = await bus.watermarks(topic, partition)
    const { from } = resume(kept?.offsets.next(partition) ?? null, marks)
    if (marks.high > from) found.set(partition, marks.high)
  }
  return found
}
