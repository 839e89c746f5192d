import type { DatabaseSync } from 'node:sqlite'
import type { PartitionState } from './bus-file.ts'

/** So few at a time that a send in between waits little. */
const batchesPerStep = 64

/**
 * Deletes the oldest batches of a partition up to the first that is not older than `cutoffMs`, a part at each step. The
 * partition's beginning moves in the same transaction, so a reader can always tell that something is gone.
 */
export function* retentionSteps(
  db: DatabaseSync,
  state: PartitionState,
  cutoffMs: number,
): Generator<void> {
  const { topicId, partition } = state
  const firstKept = db.prepare(
    `SELECT base_offset FROM record_batch
     WHERE topic_id = ? AND partition = ? AND first_timestamp >= ? ORDER BY base_offset LIMIT 1`,
  )
  const endOfStep = db.prepare(
    `SELECT base_offset FROM record_batch
     WHERE topic_id = ? AND partition = ? AND base_offset < ? ORDER BY base_offset LIMIT 1 OFFSET ?`,
  )
  const remove = db.prepare(
    'DELETE FROM record_batch WHERE topic_id = ? AND partition = ? AND base_offset < ?',
  )
  const mark = db.prepare(
    'INSERT OR REPLACE INTO partition_mark (topic_id, partition, low, next) VALUES (?, ?, ?, ?)',
  )
  for (;;) {
    const kept = firstKept.get(topicId, partition, cutoffMs)?.['base_offset']
    const keepFrom = Number(kept ?? state.next)
    if (keepFrom <= state.low) return
    const step = endOfStep.get(topicId, partition, keepFrom, batchesPerStep)?.['base_offset']
    const low = Number(step ?? keepFrom)
    db.exec('BEGIN IMMEDIATE')
    remove.run(topicId, partition, low)
    mark.run(topicId, partition, low, state.next)
    db.exec('COMMIT')
    state.low = low
    yield
  }
}
