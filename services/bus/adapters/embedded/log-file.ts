import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { loadPartitions, reloadPartition, type PartitionState } from './bus-file.ts'
import type { TopicConfig } from '../../topic-config.ts'
import type { ToWriter } from './writer-messages.ts'

/** Appends to the bus file. Offsets are given here; after a failure they are read from the file again. */
export class LogFile {
  readonly partitions: readonly PartitionState[]
  readonly #db: DatabaseSync
  readonly #topicIds: ReadonlyMap<string, number>
  readonly #insert: StatementSync
  readonly #keepOffset: StatementSync
  #isCertain = true

  constructor(db: DatabaseSync, topics: readonly TopicConfig[]) {
    this.#db = db
    this.partitions = loadPartitions(db, topics)
    this.#topicIds = new Map(this.partitions.map((state) => [state.topic, state.topicId]))
    this.#insert = db.prepare(
      `INSERT INTO record_batch (topic_id, partition, base_offset, count, first_timestamp, bytes)
       VALUES (?, ?, ?, ?, ?, ?)`,
    )
    this.#keepOffset = db.prepare(
      `INSERT OR REPLACE INTO group_offset (group_name, topic_id, partition, next) VALUES (?, ?, ?, ?)`,
    )
  }

  /** One transaction: all of it is durable when this returns, nothing of it is visible when this throws. */
  append(message: Extract<ToWriter, { type: 'append' }>): readonly number[] {
    if (!this.#isCertain) this.#reload()
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      const baseOffsets = this.#insertBatches(message)
      for (const { group, topic, partition, next } of message.offsets) {
        this.#keepOffset.run(group, this.#topicIds.get(topic) ?? null, partition, next)
      }
      this.#db.exec('COMMIT')
      return baseOffsets
    } catch (error) {
      this.#isCertain = false
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#reload()
      throw error
    }
  }

  #insertBatches(message: Extract<ToWriter, { type: 'append' }>): readonly number[] {
    const { batches, bytes, timestampMs } = message
    const baseOffsets: number[] = []
    let start = 0
    for (let at = 0; at < batches.length; at += 3) {
      const [index, count, length] = [batches[at], batches[at + 1], batches[at + 2]]
      const state = this.partitions[index ?? -1]
      if (state === undefined || count === undefined || length === undefined) {
        throw new RangeError('a batch names no partition')
      }
      const { topicId, partition, next } = state
      const batch = new Uint8Array(bytes, start, length)
      this.#insert.run(topicId, partition, next, count, timestampMs, batch)
      baseOffsets.push(next)
      state.next += count
      start += length
    }
    return baseOffsets
  }

  #reload(): void {
    for (const state of this.partitions) reloadPartition(this.#db, state)
    this.#isCertain = true
  }
}
