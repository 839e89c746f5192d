import type { Bus, StoredRecord } from './bus.ts'
import type { KeptOffsets } from './kept-offsets.ts'

export interface FollowOptions {
  readonly bus: Bus
  /** The consumer group: nobody else's, since each follower reads everything for itself. */
  readonly group: string
  readonly topic: string
  /** When it throws or rejects, the record comes again after a pause, with others of before. */
  readonly take: (record: StoredRecord) => void | Promise<void>
  /** How far earlier starts got. Without it each start reads from the oldest record on, as of a compacted topic. */
  readonly offsets?: KeptOffsets
  readonly signal: AbortSignal
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
  const { bus, group, topic, take, offsets, signal } = options
  const behind = await ends(options)
  if (behind.size === 0) onCaughtUp()
  await using consumer = bus.consumer({
    group,
    topics: [topic],
    startAt: async (_, partition) =>
      offsets === undefined
        ? 'oldest'
        : offsets.startOf(partition, await bus.watermarks(topic, partition)),
  })
  await consumer.run(async (batch) => {
    for (const record of batch.records) await take(record)
    const next = (batch.records.at(-1)?.offset ?? -1n) + 1n
    offsets?.note(batch.partition, next)
    if (next >= (behind.get(batch.partition) ?? 0n)) behind.delete(batch.partition)
    if (behind.size === 0) onCaughtUp()
    return { commit: next }
  }, signal)
}

/** Where each partition that has records to read ends. */
async function ends({ bus, topic, offsets }: FollowOptions): Promise<Map<number, bigint>> {
  const found = new Map<number, bigint>()
  const partitions = await bus.partitionsOf(topic)
  for (let partition = 0; partition < partitions; partition += 1) {
    const marks = await bus.watermarks(topic, partition)
    const from = offsets?.startOf(partition, marks) ?? marks.low
    if (marks.high > from) found.set(partition, marks.high)
  }
  return found
}
