import { createRequire } from 'node:module'
import type { IHeaders, KafkaMessage, Message, RecordBatchEntry } from 'kafkajs'

import { decodeHeaders, decodeRecord, encodeBatch } from './record-batch.ts'
import { UnreadableBatch } from './unreadable.ts'

/*
 * kafkajs 2.2.4 takes most of the processor's time of a producer for encoding: an encoder of 512 bytes, filled with zeros, for each
 * record and each of its headers. Records of ours are encoded by ourselves; what others send through the client, or want compressed,
 * goes its own way. What is fetched is decoded here too, headers only where somebody reads them. `Record` and `RecordBatch` are its
 * names; it looks them up when it first sends and fetches.
 */

/** A message by which the client sends a whole batch: the bodies of records for one partition. */
export function batchMessage(partition: number, bodies: readonly Uint8Array[]): Message {
  const message: BatchMessage = { value: null, partition, bodies }
  return message
}

interface BatchMessage extends Message {
  readonly bodies: readonly Uint8Array[]
}

/** What the client puts its bytes in: here they are there already. */
interface Encoded {
  readonly buf: Buffer
  readonly buffer: Buffer
  size(): number
}

interface BatchOptions {
  readonly firstTimestamp: number
  readonly records: readonly (Encoded | readonly Uint8Array[])[]
}

interface BatchContext {
  readonly firstOffset: string
  readonly firstTimestamp: string
  readonly maxTimestamp: string
  readonly magicByte: number
  readonly isControlBatch: boolean
  readonly timestampType: number
}

const logAppendTime = 1

const require = createRequire(import.meta.url)
const batches = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: BatchOptions) => Promise<Encoded>
}

replace<(message: Message) => Encoded | readonly Uint8Array[]>(
  'v0',
  (encode) => (message) => (isBatch(message) ? message.bodies : encode(message)),
)

const { RecordBatch } = batches
batches.RecordBatch = (options) => {
  const [bodies] = options.records
  if (!Array.isArray(bodies)) return RecordBatch(options)
  const bytes = encodeBatch(bodies as readonly Uint8Array[], options.firstTimestamp)
  return Promise.resolve({ buf: bytes, buffer: bytes, size: () => bytes.length })
}

replace<(decoder: { readonly buffer: Buffer }, batch: BatchContext) => KafkaMessage>(
  'v0/decoder',
  () =>
    ({ buffer }, batch) => {
      try {
        return new FetchedRecord(buffer, batch)
      } catch (cause) {
        throw new UnreadableBatch('in which a record is not whole', { cause })
      }
    },
)

/** A record as the client hands it over. */
class FetchedRecord implements RecordBatchEntry {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly attributes: number
  readonly magicByte: number
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext
  readonly #bytes: Buffer
  readonly #timeDelta: number
  readonly #headersAt: number

  constructor(bytes: Buffer, batch: BatchContext) {
    const head = decodeRecord(bytes)
    this.offset = String(Number(batch.firstOffset) + head.offsetDelta)
    this.key = head.key
    this.value = head.value
    this.attributes = head.attributes
    this.magicByte = batch.magicByte
    this.isControlRecord = batch.isControlBatch
    this.batchContext = batch
    this.#bytes = bytes
    this.#timeDelta = head.timeDelta
    this.#headersAt = head.headersAt
  }

  get timestamp(): string {
    const { firstTimestamp, maxTimestamp, timestampType } = this.batchContext
    if (timestampType === logAppendTime) return maxTimestamp
    return String(Number(firstTimestamp) + this.#timeDelta)
  }

  /** Of a name that stands there several times all values, as the client gives them. */
  get headers(): IHeaders {
    const headers = new Map<string, Buffer | Buffer[]>()
    for (const [name, bytes] of decodeHeaders(this.#bytes, this.#headersAt)) {
      const value = bytes ?? noBytes
      const before = headers.get(name)
      headers.set(name, before === undefined ? value : [before, value].flat())
    }
    // Not assignment: a header may be called __proto__.
    return Object.fromEntries(headers)
  }
}

const noBytes = Buffer.alloc(0)

function isBatch(message: Message): message is BatchMessage {
  return 'bodies' in message
}

/** The module is a function, which those that use it take when they are loaded. */
function replace<T>(name: string, make: (its: T) => T): void {
  const file = require.resolve(`kafkajs/src/protocol/recordBatch/record/${name}`)
  const its = require(file) as T
  const module = require.cache[file]
  if (module !== undefined) module.exports = make(its)
}
