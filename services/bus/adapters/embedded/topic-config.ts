/** A topic as the operator configured it. */
export interface TopicConfig {
  readonly name: string
  readonly partitions: number
  /** Records older than this are deleted, oldest first. Without it they are kept. Says nothing for a compacted topic. */
  readonly retentionMs?: number
  /** Of records with the same key only the newest is sure to stay. Offsets do not change. */
  readonly compacted?: boolean
}

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
