import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { BusRecord, StoredRecord } from '../../bus.ts'
import { encodeBody, recordOverheadBytes } from './record-batch.ts'

/** A record as it goes into a batch, and the most bytes it takes there. */
export interface OutgoingRecord {
  readonly body: Buffer
  readonly sizeBytes: number
}

/** A header of the record itself has precedence over one that is added. Copies everything. */
export function outgoingRecord(
  key: Uint8Array,
  { value, headers }: BusRecord,
  added: Readonly<Record<string, Buffer>>,
): OutgoingRecord {
  const body = encodeBody(key, value, headers, added)
  return { body, sizeBytes: recordOverheadBytes + body.length }
}

/**
 * A record as the bus gives it. A key or value of null (a tombstone) is empty; of several headers of one name the last counts.
 */
export function storedRecord(message: KafkaMessage): StoredRecord {
  return new LazyRecord(message)
}

class LazyRecord implements StoredRecord {
  readonly offset: bigint
  readonly key: Buffer
  readonly value: Buffer
  readonly leaderEpoch: number | null
  readonly #message: KafkaMessage

  constructor(message: KafkaMessage) {
    this.offset = BigInt(message.offset)
    this.key = message.key ?? noBytes
    this.value = message.value ?? noBytes
    this.leaderEpoch = leaderEpochOf(message)
    this.#message = message
  }

  get timestampMs(): number {
    return Number(this.#message.timestamp)
  }

  get headers(): Readonly<Record<string, Buffer>> {
    const { headers } = this.#message
    return headers === undefined ? noHeaders : headersOf(headers)
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
