import type { Bus, StoredRecord } from './bus.ts'

export interface FollowOptions {
  readonly bus: Bus
  /** The consumer group: nobody else's, since each follower reads everything for itself. */
  readonly group: string
  readonly topic: string
  readonly take: (record: StoredRecord) => void
  readonly signal: AbortSignal
}

export interface Following {
  /** Resolves once everything that was on the topic when following began has been taken; rejects as `done` does before that. */
  readonly caughtUp: Promise<void>
  /** Resolves when the signal has aborted; rejects when the topic can no longer be followed. */
  readonly done: Promise<void>
}

/** Reads a compacted topic from its oldest record on, at each start anew, and then what comes. */
export function followTopic(options: FollowOptions): Following {
  const caughtUp = Promise.withResolvers<undefined>()
  const done = follow(options, () => caughtUp.resolve(undefined))
  return { caughtUp: Promise.race([caughtUp.promise, done]), done }
}

async function follow(options: FollowOptions, onCaughtUp: () => void): Promise<void> {
  const { bus, group, topic, take, signal } = options
  const behind = await ends(bus, topic)
  if (behind.size === 0) onCaughtUp()
  await using consumer = bus.consumer({
    group,
    topics: [topic],
    startAt: () => Promise.resolve('oldest'),
  })
  await consumer.run((batch) => {
    for (const record of batch.records) take(record)
    const next = (batch.records.at(-1)?.offset ?? -1n) + 1n
    if (next >= (behind.get(batch.partition) ?? 0n)) behind.delete(batch.partition)
    if (behind.size === 0) onCaughtUp()
    return Promise.resolve({ commit: next })
  }, signal)
}

/** Where each partition that has records ends. */
async function ends(bus: Bus, topic: string): Promise<Map<number, bigint>> {
  const found = new Map<number, bigint>()
  const partitions = await bus.partitionsOf(topic)
  for (let partition = 0; partition < partitions; partition += 1) {
    const { low, high } = await bus.watermarks(topic, partition)
    if (high > low) found.set(partition, high)
  }
  return found
}
