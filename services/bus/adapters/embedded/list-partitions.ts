import type { TopicConfig } from '../../topic-config.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Both threads name a partition by its place in this list. */
export function listPartitions(topics: readonly TopicConfig[]): readonly TopicPartition[] {
  return topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}
