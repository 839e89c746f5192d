import { isUtf8 } from 'node:buffer'

import { contentType, schemas } from './codec.ts'
import { eventTypes } from './event-types.ts'

/**
 * CloudEvents 1.0, Kafka binding, binary mode: the attributes stand in headers, the value stays as it is. An edge does this once
 * for every event, so only the head of the event is read, and what repeats is made once.
 */

export interface CloudEventOptions {
  /** Where our registry answers, without a slash at its end. Gives `ce_dataschema`, which is left out where nobody knows it. */
  readonly registryUrl?: string
}

/**
 * The headers of an event in its wire form: `ce_specversion`, `ce_id`, `ce_source` (the producer), `ce_type`, `ce_time`,
 * `ce_subject` (the session, where there is one), `content-type`, `ce_dataschema`. Bytes that do not begin as an event
 * of a schema we know give none. What follows the head is not read: a value with headers may still be refused by `decodeEvent`.
 * `ce_id` and `ce_subject` share memory with `value`.
 */
export function cloudEventHeaders(
  value: Buffer,
  options: CloudEventOptions = {},
): Record<string, Buffer> {
  if (value.length < frameBytes || value[0] !== 0) return {}
  const schemaId = value.readUInt32BE(1)
  if (!schemas.has(schemaId)) return {}
  const head = new HeadReader(value, frameBytes)
  head.text()
  const id = head.last()
  const type = typeHeaders[head.long()]
  head.long() // schema_version
  const time = timeHeader(head.long())
  const source = head.source()
  head.long() // producer_seq
  head.skip(sha256Bytes) // prev
  head.optionalText() // request_id
  const session = head.optionalText() ? head.last() : none
  if (head.failed || id.length === 0 || type === undefined || time === null || source.length === 0)
    return {}
  const headers: Record<string, Buffer> = {
    ce_specversion: specVersion,
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: time,
    'content-type': contentTypeHeader,
  }
  if (session.length > 0) headers['ce_subject'] = session
  if (options.registryUrl !== undefined)
    headers['ce_dataschema'] = dataSchemaHeader(options.registryUrl, schemaId)
  return headers
}

const frameBytes = 5
const sha256Bytes = 32
const none: Buffer = Buffer.alloc(0)
const specVersion = Buffer.from('1.0')
const contentTypeHeader = Buffer.from(contentType)
/** By the number of the symbol in the enum, which is the same in every schema that has the symbol. */
const typeHeaders: readonly Buffer[] = ['unknown', ...eventTypes].map((type) => Buffer.from(type))

/**
 * Reads Avro values in order. Never reads beyond the end: what is not there, or not as Avro writes it, sets `failed`, and from
 * then on everything read is empty, 0 or NaN.
 */
class HeadReader {
  failed = false
  readonly #bytes: Buffer
  #at: number
  #start = 0

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /** int, long, enum and lengths: NaN for what is beyond a double's whole numbers. */
  long(): number {
    let sum = 0
    let factor = 1
    for (let count = 0; count < longestVarint; count += 1) {
      const byte = this.#bytes[this.#at + count]
      if (byte === undefined) break
      sum += (byte & 0x7f) * factor
      factor *= 0x80
      if (byte >= 0x80) continue
      const isNegative = (this.#bytes[this.#at]! & 1) === 1
      this.#at += count + 1
      // An odd sum beyond 2^53 was rounded; an even one is exact up to twice as much.
      const value = isNegative ? -(sum + 1) / 2 : sum / 2
      if (sum <= Number.MAX_SAFE_INTEGER || (!isNegative && Number.isSafeInteger(value)))
        return value
      break
    }
    this.failed = true
    return NaN
  }

  /** Text that `last` gives; of what is only looked through no view is made. */
  text(): void {
    this.skip(this.long())
    if (!this.failed && !this.#isText()) this.failed = true
  }

  /** A union of null and a string. Whether it is a string, which `last` gives. */
  optionalText(): boolean {
    const branch = this.long()
    if (branch === 1) this.text()
    else if (branch !== 0) this.failed = true
    return branch === 1
  }

  /** A string, as the URI reference that names the producer. */
  source(): Buffer {
    this.text()
    if (this.failed) return none
    if (!this.#isLast(lastProducer)) {
      lastProducer = Buffer.from(this.last())
      lastSource = Buffer.from(encodeURIComponent(lastProducer.toString()))
    }
    return lastSource
  }

  skip(size: number): void {
    this.#start = this.#at
    if (this.failed || size < 0 || size > this.#bytes.length - this.#start) this.failed = true
    else this.#at += size
  }

  /** A view of what was skipped or read as text last. */
  last(): Buffer {
    return this.failed ? none : this.#bytes.subarray(this.#start, this.#at)
  }

  #isText(): boolean {
    for (let at = this.#start; at < this.#at; at += 1) {
      if (this.#bytes[at]! > 0x7f) return isUtf8(this.last())
    }
    return true
  }

  #isLast(bytes: Buffer): boolean {
    if (bytes.length !== this.#at - this.#start) return false
    for (let at = 0; at < bytes.length; at += 1) {
      if (bytes[at] !== this.#bytes[this.#start + at]) return false
    }
    return true
  }
}

const longestVarint = 10

// Most events of a process come from one producer, and many of them in one second.
let lastProducer = none
let lastSource = none
let lastSecond = NaN
let lastTime = none
let lastRegistryUrl = ''
/** By schema id. */
const dataSchemas = new Map<number, Buffer>()

function dataSchemaHeader(registryUrl: string, schemaId: number): Buffer {
  if (registryUrl !== lastRegistryUrl) dataSchemas.clear()
  lastRegistryUrl = registryUrl
  const known = dataSchemas.get(schemaId)
  if (known !== undefined) return known
  const made = Buffer.from(`${registryUrl}/schemas/ids/${schemaId}`)
  dataSchemas.set(schemaId, made)
  return made
}

/** RFC 3339 in UTC with microseconds; null for what RFC 3339 cannot say. */
function timeHeader(us: number): Buffer | null {
  const second = Math.floor(us / 1_000_000)
  if (second !== lastSecond) {
    if (!Number.isSafeInteger(us)) return null
    lastSecond = second
    lastTime = Buffer.from(`${new Date(second * 1000).toISOString().slice(0, 19)}.000000Z`)
  }
  const time = Buffer.from(lastTime)
  let rest = us - second * 1_000_000
  for (let at = time.length - 2; rest > 0; at -= 1) {
    time[at] = 0x30 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  return time
}
