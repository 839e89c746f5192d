import type { DatabaseSync } from 'node:sqlite'
import type { PartitionState } from './bus-file.ts'
import { encodeBatches, readBatch, readBatchKey } from './record-batch.ts'

/**
 * Keeps of each key the newest record, at its offset, unless that is a tombstone: an empty one. A batch has one key, so a later
 * batch of the same key replaces it whole. The last record of the partition is the newest of its key: the end of the partition stays where it is.
 */
export function compactPartition(db: DatabaseSync, state: PartitionState): void {
  const { topicId, partition } = state
  const rows = db.prepare(
    `SELECT rowid, base_offset, count, bytes FROM record_batch
     WHERE topic_id = ? AND partition = ? ORDER BY base_offset DESC`,
  )
  const seen = new Set<string>()
  const superseded: number[] = []
  const shortened: { rowid: number; offset: number; bytes: Uint8Array }[] = []
  for (const row of rows.iterate(topicId, partition)) {
    const bytes = row['bytes'] as Uint8Array
    const rowid = Number(row['rowid'])
    const count = Number(row['count'])
    const key = readBatchKey(bytes).toString('latin1')
    const isLast = seen.size === 0
    if (seen.has(key)) superseded.push(rowid)
    else if (!isLast && isTombstone(bytes, count)) superseded.push(rowid)
    else if (count > 1) {
      const offset = Number(row['base_offset']) + count - 1
      shortened.push({ rowid, offset, bytes: lastRecordOf(bytes, count) })
    }
    seen.add(key)
  }
  if (superseded.length + shortened.length === 0) return
  const remove = db.prepare('DELETE FROM record_batch WHERE rowid = ?')
  const shorten = db.prepare(
    'UPDATE record_batch SET base_offset = ?, count = 1, bytes = ? WHERE rowid = ?',
  )
  db.exec('BEGIN IMMEDIATE')
  for (const rowid of superseded) remove.run(rowid)
  for (const { rowid, offset, bytes } of shortened) shorten.run(offset, bytes, rowid)
  db.exec('COMMIT')
}

function isTombstone(bytes: Uint8Array, count: number): boolean {
  return readBatch(bytes, count).records.at(-1)?.value.length === 0
}

function lastRecordOf(bytes: Uint8Array, count: number): Uint8Array {
  const { key, records } = readBatch(bytes, count)
  const [batch] = encodeBatches(key, records.slice(-1))
  if (batch === undefined) throw new RangeError('a stored batch is empty')
  return batch.bytes
}
