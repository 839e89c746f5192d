import type { IHeaders, KafkaMessage, Message } from 'kafkajs'
import type { BusRecord, StoredRecord } from '../../bus.ts'

/** A record in the client's shape, and the most bytes it takes in a batch. */
export interface OutgoingRecord {
  readonly message: Message
  readonly sizeBytes: number
}

/** Length prefixes, offset and time of a record, at their longest. */
const recordOverheadBytes = 40
const headerOverheadBytes = 10
/** What a batch has before its first record. */
export const batchOverheadBytes = 61

export function outgoingRecord(
  key: Uint8Array,
  { value, headers }: BusRecord,
  added: Readonly<Record<string, Buffer>>,
  partition: number,
): OutgoingRecord {
  const all: Record<string, Buffer> = {}
  let sizeBytes = recordOverheadBytes + key.length + value.length
  for (const [name, bytes] of [...Object.entries(added), ...Object.entries(headers)]) {
    all[name] = bufferOf(bytes)
    sizeBytes += headerOverheadBytes + Buffer.byteLength(name) + bytes.length
  }
  return {
    message: { key: bufferOf(key), value: bufferOf(value), headers: all, partition },
    sizeBytes,
  }
}

/** The client writes what is no Buffer as text: `1,2,3` for three bytes. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)
}

/**
 * A record as the bus gives it. A key or value of null (a tombstone) is empty; of several headers of one name the last counts.
 */
export function storedRecord(message: KafkaMessage): StoredRecord {
  return {
    offset: BigInt(message.offset),
    key: message.key ?? noBytes,
    value: message.value ?? noBytes,
    headers: message.headers === undefined ? noHeaders : headersOf(message.headers),
    timestampMs: Number(message.timestamp),
    leaderEpoch: leaderEpochOf(message),
  }
}

function headersOf(headers: IHeaders): Readonly<Record<string, Buffer>> {
  const names = Object.keys(headers)
  if (names.length === 0) return noHeaders
  // Not assignment: a header may be called __proto__.
  return Object.fromEntries(
    names.map((name) => {
      const found = headers[name]
      const value = Array.isArray(found) ? found.at(-1) : found
      return [name, typeof value === 'string' ? Buffer.from(value) : (value ?? noBytes)]
    }),
  )
}

/** The batch that the record came in has it; the types do not say so. */
function leaderEpochOf(message: KafkaMessage & { batchContext?: unknown }): number | null {
  const { batchContext: context } = message
  if (typeof context !== 'object' || context === null) return null
  if (!('partitionLeaderEpoch' in context)) return null
  const epoch = context.partitionLeaderEpoch
  return typeof epoch === 'number' && epoch >= 0 ? epoch : null
}

const noHeaders: Readonly<Record<string, Buffer>> = Object.freeze({})
const noBytes = Buffer.alloc(0)
