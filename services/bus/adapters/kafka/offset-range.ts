import { BusError } from '../../bus.ts'
import type { TopicAdmin } from './topic-admin.ts'

/** The oldest offset that a partition has, and its next one. */
interface Watermarks {
  readonly low: bigint
  readonly high: bigint
}

/** Throws `BUS_OFFSET_OUT_OF_RANGE` where reading cannot go on at this offset. */
export async function refuseOutOfRange(
  admin: TopicAdmin,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<void> {
  const marks = (await admin.watermarks(topic)).get(partition)
  if (marks === undefined || offset < marks.low || offset > marks.high) {
    throw outOfRange(topic, partition, offset, marks)
  }
}

export function outOfRange(
  topic: string,
  partition: number,
  offset: bigint,
  marks: Watermarks | undefined,
): BusError {
  const range = marks === undefined ? 'it is gone' : `it has ${marks.low} to ${marks.high}`
  return new BusError(
    'BUS_OFFSET_OUT_OF_RANGE',
    `${topic}[${partition}] cannot be read from offset ${offset}: ${range}`,
  )
}
