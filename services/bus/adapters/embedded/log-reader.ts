import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { BusError, type StoredRecord } from '../../bus.ts'
import type { PartitionView } from './partition-table.ts'
import { readBatch } from './record-batch.ts'

/** One read blocks the event loop for about as long as it takes to copy this much. */
const readBytes = 4 << 20

/** Reads what is durable. Each read is over when it returns, so it never holds up a checkpoint. */
export class LogReader {
  readonly #db: DatabaseSync
  readonly #batches: StatementSync
  readonly #low: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#batches = db.prepare(
      `SELECT base_offset, count, first_timestamp, bytes FROM record_batch
       WHERE topic_id = :topic AND partition = :partition AND base_offset < :high AND base_offset >= coalesce(
         (SELECT max(base_offset) FROM record_batch
          WHERE topic_id = :topic AND partition = :partition AND base_offset <= :from), :from)
       ORDER BY base_offset`,
    )
    this.#low = db.prepare('SELECT low FROM partition_mark WHERE topic_id = ? AND partition = ?')
  }

  /**
   * Records from `from` on, at least one where there is one and about `atLeast` where there are so many; the rest of the last
   * batch comes along. Throws `BUS_OFFSET_OUT_OF_RANGE` where `from` cannot be read (any more).
   */
  read(view: PartitionView, from: number, atLeast: number): readonly StoredRecord[] {
    if (from < view.low || from > view.high) throw outOfRange(view, from)
    try {
      return this.#read(view, from, atLeast)
    } catch (cause) {
      if (cause instanceof BusError) throw cause
      const place = `${view.topic}[${view.partition}]`
      const message = `${place} cannot be read at offset ${from}`
      throw new BusError('BUS_UNAVAILABLE', message, { cause })
    }
  }

  #read(view: PartitionView, from: number, atLeast: number): readonly StoredRecord[] {
    const { topicId, partition, high } = view
    const found: StoredRecord[] = []
    let size = 0
    for (const row of this.#batches.iterate({ topic: topicId, partition, from, high })) {
      const bytes = row['bytes'] as Uint8Array
      const base = Number(row['base_offset'])
      const { key, records } = readBatch(bytes, Number(row['count']))
      const timestampMs = Number(row['first_timestamp'])
      for (const [index, { value, headers }] of records.entries()) {
        const offset = base + index
        if (offset < from) continue
        found.push({
          key,
          value,
          headers,
          offset: BigInt(offset),
          timestampMs,
          leaderEpoch: null,
        })
      }
      size += bytes.length
      if (found.length >= atLeast || (size >= readBytes && found.length > 0)) break
    }
    // After the rows, not before: what retention deleted under this read shows here.
    const low = this.#low.get(topicId, partition)?.['low']
    if (low !== undefined && from < Number(low))
      throw outOfRange({ ...view, low: Number(low) }, from)
    return found
  }

  close(): void {
    this.#db.close()
  }
}

export function outOfRange(view: PartitionView, wanted: number | bigint): BusError {
  const { topic, partition, low, high } = view
  return new BusError(
    'BUS_OFFSET_OUT_OF_RANGE',
    `${topic}[${partition}] cannot be read from offset ${wanted}: it has offsets from ${low}, the next will be ${high}`,
  )
}
