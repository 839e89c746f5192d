/** A topic as the operator configured it. */
export interface TopicConfig {
  readonly name: string
  readonly partitions: number
  /** Records older than this are deleted, oldest first. Without it they are kept. Says nothing for a compacted topic. */
  readonly retentionMs?: number
  /** Of records with the same key only the newest is sure to stay. Offsets do not change. */
  readonly compacted?: boolean
}
