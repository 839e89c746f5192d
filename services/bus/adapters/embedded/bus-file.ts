import { DatabaseSync } from 'node:sqlite'
import { BusError } from '../../bus.ts'
import type { TopicConfig } from '../../topic-config.ts'
import { listPartitions } from './list-partitions.ts'

/*
 * One row per batch, like a record batch of Kafka. `partition_mark` remembers what the rows no longer show once the
 * oldest are deleted: where the partition begins, and the offset after its last record.
 */
const tables = `
  CREATE TABLE IF NOT EXISTS topic (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS record_batch (
    topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, base_offset INTEGER NOT NULL,
    count INTEGER NOT NULL, first_timestamp INTEGER NOT NULL, bytes BLOB NOT NULL,
    UNIQUE (topic_id, partition, base_offset)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS partition_mark (
    topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, low INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS group_offset (
    group_name TEXT NOT NULL, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic_id, partition)
  ) STRICT, WITHOUT ROWID;`

/** Large enough that a batch of a hundred events needs few pages, small enough that a single record does not write much. */
const pageBytes = 16_384
const busyTimeoutMs = 5_000

export interface BusFileOptions {
  /** The file takes no more than this; then a send fails as it does on a full disk. */
  readonly maxFileBytes?: number
}

/** Opens the file for writing with the settings that durability rests on, and refuses it where they do not hold. */
export function openBusFile(file: string, options: BusFileOptions = {}): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs, defensive: true })
  try {
    // A page size is taken only by a file that is still empty.
    db.exec(`PRAGMA page_size = ${pageBytes}`)
    const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
    db.exec('PRAGMA synchronous = FULL')
    const synchronous = db.prepare('PRAGMA synchronous').get()?.['synchronous']
    if (mode !== 'wal' || synchronous !== 2) {
      throw new BusError('BUS_UNAVAILABLE', `${file} cannot be written durably here`)
    }
    // The writer checkpoints by itself, after it has answered: never inside a commit that somebody waits for.
    db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864')
    if (options.maxFileBytes !== undefined) {
      const size = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
      db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxFileBytes / size))}`)
    }
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Short reads beside the writer. */
export function openBusFileForReading(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs, defensive: true })
}

/** Creates what is missing. The partition count of a topic is fixed: another count would move keys to other partitions. */
export function prepareTopics(db: DatabaseSync, topics: readonly TopicConfig[]): void {
  db.exec(tables)
  const find = db.prepare('SELECT partitions FROM topic WHERE name = ?')
  const add = db.prepare('INSERT INTO topic (name, partitions) VALUES (?, ?)')
  for (const { name, partitions } of topics) {
    const kept = find.get(name)?.['partitions']
    if (kept === undefined) add.run(name, partitions)
    else if (kept !== partitions) {
      throw new BusError(
        'BUS_PARTITIONS_DIFFER',
        `topic ${name} has ${String(kept)} partitions in the file, ${partitions} are configured`,
      )
    }
  }
}

export interface PartitionState {
  readonly topicId: number
  readonly topic: string
  readonly partition: number
  /** The oldest offset that can be read. */
  low: number
  /** The offset of the next record. */
  next: number
}

/** In the order of `listPartitions`. */
export function loadPartitions(
  db: DatabaseSync,
  topics: readonly TopicConfig[],
): readonly PartitionState[] {
  const topicId = db.prepare('SELECT id FROM topic WHERE name = ?')
  return listPartitions(topics).map(({ topic, partition }) => {
    const state: PartitionState = {
      topicId: Number(topicId.get(topic)?.['id']),
      topic,
      partition,
      low: 0,
      next: 0,
    }
    reloadPartition(db, state)
    return state
  })
}

/** Reads again from the file how far a partition goes: the only truth after a commit that failed. */
export function reloadPartition(db: DatabaseSync, state: PartitionState): void {
  const { topicId, partition } = state
  const mark = db
    .prepare('SELECT low, next FROM partition_mark WHERE topic_id = ? AND partition = ?')
    .get(topicId, partition)
  const last = db
    .prepare(
      `SELECT base_offset + count AS next FROM record_batch
       WHERE topic_id = ? AND partition = ? ORDER BY base_offset DESC LIMIT 1`,
    )
    .get(topicId, partition)
  state.low = Number(mark?.['low'] ?? 0)
  state.next = Math.max(Number(mark?.['next'] ?? 0), Number(last?.['next'] ?? 0))
}

export interface GroupOffset {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly next: number
}

export function loadOffsets(db: DatabaseSync): readonly GroupOffset[] {
  const rows = db
    .prepare(
      `SELECT group_name, name, partition, next FROM group_offset JOIN topic ON topic.id = topic_id`,
    )
    .all()
  return rows.map((row) => ({
    group: String(row['group_name']),
    topic: String(row['name']),
    partition: Number(row['partition']),
    next: Number(row['next']),
  }))
}
