import { BusError, type ConsumerOptions } from '../../bus.ts'
import type { Reading } from './assignment.ts'
import { outOfRange } from './offset-range.ts'
import type { ReadContext } from './read-context.ts'

/** Where to begin a partition; null when Kafka does not answer: ask again. Throws `BUS_OFFSET_OUT_OF_RANGE`. */
export async function startOffset(
  { admin }: ReadContext,
  options: ConsumerOptions,
  { topic, partition }: Reading,
): Promise<bigint | null> {
  try {
    const wanted = (await options.startAt?.(topic, partition)) ?? 'committed'
    const marks = (await admin.watermarks(topic)).get(partition)
    if (marks === undefined) return null
    if (wanted === 'oldest') return marks.low
    const start =
      wanted === 'committed' ? await admin.committed(options.group, topic, partition) : wanted
    if (start === null) return marks.low
    if (start < marks.low || start > marks.high) throw outOfRange(topic, partition, start, marks)
    return start
  } catch (error) {
    if (error instanceof BusError && error.code === 'BUS_UNAVAILABLE') return null
    throw error
  }
}

/** A session's records would move to another partition, while its order is kept within one. */
export async function refuseNewPartition(
  { topics }: ReadContext,
  { topic, partition }: Reading,
): Promise<void> {
  const { partitions } = await topics.of(topic)
  if (partition < partitions) return
  throw new BusError(
    'BUS_PARTITIONS_DIFFER',
    `topic ${topic} had ${partitions} partitions and was given more: restart with the new count, at the end of a log's period`,
  )
}
