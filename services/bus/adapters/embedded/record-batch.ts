import type { BusRecord } from '../../bus.ts'

/*
 * The stored form of records that share a key. Numbers are unsigned LEB128.
 *
 *   batch  = version (1 byte, 1) names key record*
 *   names  = count (length utf8)*          the header names of the batch, each once
 *   key    = length bytes
 *   record = headers (name-index length bytes)* length value
 *
 * The number of records is beside it in the row.
 */
const version = 1

/** A row keeps at most this much, unless one record alone is larger: a reader never loads much more than it hands over. */
const rowBytes = 1 << 20
const rowRecords = 1_000

/** What one row will hold. */
export interface EncodedBatch {
  readonly count: number
  readonly bytes: Buffer
}

/** Copies records into rows: the caller's Buffers are not needed any more. */
export function encodeBatches(key: Buffer, records: readonly BusRecord[]): readonly EncodedBatch[] {
  const batches: EncodedBatch[] = []
  let from = 0
  while (from < records.length) {
    const plan = planBatch(key, records, from)
    batches.push({ count: plan.to - from, bytes: writeBatch(plan) })
    from = plan.to
  }
  return batches
}

interface BatchPlan {
  readonly key: Buffer
  readonly records: readonly BusRecord[]
  readonly from: number
  readonly to: number
  readonly names: readonly string[]
  readonly sizeBytes: number
}

function planBatch(key: Buffer, records: readonly BusRecord[], from: number): BatchPlan {
  const names: string[] = []
  let nameBytes = 0
  let size = 1 + lengthOf(key.length) + key.length
  let to = from
  for (; to < records.length && to - from < rowRecords; to += 1) {
    const record = records[to]
    if (record === undefined) break
    let recordBytes = lengthOf(record.value.length) + record.value.length
    let count = 0
    for (const name of Object.keys(record.headers)) {
      const value = record.headers[name]
      if (value === undefined) continue
      let index = names.indexOf(name)
      if (index < 0) {
        index = names.push(name) - 1
        const length = Buffer.byteLength(name)
        nameBytes += lengthOf(length) + length
      }
      count += 1
      recordBytes += lengthOf(index) + lengthOf(value.length) + value.length
    }
    recordBytes += lengthOf(count)
    // Names that only the refused record brought stay in the table: harmless, and counted.
    if (to > from && size + recordBytes > rowBytes) break
    size += recordBytes
  }
  return { key, records, from, to, names, sizeBytes: size + lengthOf(names.length) + nameBytes }
}

function writeBatch(plan: BatchPlan): Buffer {
  const target = Buffer.allocUnsafe(plan.sizeBytes)
  let end = writeNumber(target, 0, version)
  end = writeNumber(target, end, plan.names.length)
  for (const name of plan.names) {
    end = writeNumber(target, end, Buffer.byteLength(name))
    end += target.write(name, end)
  }
  end = writeBytes(target, end, plan.key)
  for (let at = plan.from; at < plan.to; at += 1) {
    const record = plan.records[at]
    if (record !== undefined) end = writeRecord(record, plan.names, target, end)
  }
  // Memory that was not written is somebody else's: it must never reach the file.
  if (end !== plan.sizeBytes) throw new RangeError('records changed while they were sent')
  return target
}

function writeRecord(
  record: BusRecord,
  names: readonly string[],
  target: Buffer,
  at: number,
): number {
  const present = Object.keys(record.headers).filter((name) => record.headers[name] !== undefined)
  let end = writeNumber(target, at, present.length)
  for (const name of present) {
    end = writeNumber(target, end, names.indexOf(name))
    end = writeBytes(target, end, record.headers[name] ?? noBytes)
  }
  return writeBytes(target, end, record.value)
}

export interface DecodedBatch {
  readonly key: Buffer
  readonly records: readonly BusRecord[]
}

/** Buffers in the result are views of `bytes`, which the caller hands over. Throws a RangeError for bytes that are no batch. */
export function readBatch(bytes: Uint8Array, count: number): DecodedBatch {
  const source = new Source(bytes)
  const { names, key } = readHead(source)
  const records: BusRecord[] = []
  for (let index = 0; index < count; index += 1) records.push(readRecord(source, names))
  if (source.rest !== 0) throw new RangeError('a stored batch has bytes after its last record')
  return { key, records }
}

/** The key alone. */
export function readBatchKey(bytes: Uint8Array): Buffer {
  return readHead(new Source(bytes)).key
}

function readHead(source: Source): { names: readonly string[]; key: Buffer } {
  if (source.number() !== version) throw new RangeError('a stored batch has an unknown version')
  const names: string[] = []
  const count = source.number()
  for (let index = 0; index < count; index += 1) names.push(source.bytes().toString())
  return { names, key: source.bytes() }
}

function readRecord(source: Source, names: readonly string[]): BusRecord {
  const count = source.number()
  if (count === 0) return { headers: noHeaders, value: source.bytes() }
  const headers: [string, Buffer][] = []
  for (let index = 0; index < count; index += 1) {
    const name = names[source.number()]
    if (name === undefined) throw new RangeError('a stored record names a header that is not there')
    headers.push([name, source.bytes()])
  }
  // Not assignment: a header may be called __proto__.
  return { headers: Object.fromEntries(headers), value: source.bytes() }
}

const noHeaders: Readonly<Record<string, Buffer>> = Object.freeze({})
const noBytes = Buffer.alloc(0)

class Source {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get rest(): number {
    return this.#bytes.length - this.#at
  }

  number(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 35; factor *= 128) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) break
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new RangeError('a stored batch is cut short')
  }

  bytes(): Buffer {
    const length = this.number()
    if (length > this.rest) throw new RangeError('a stored batch is cut short')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

function lengthOf(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1
  return length
}

function writeNumber(target: Buffer, at: number, value: number): number {
  let rest = value
  let end = at
  while (rest >= 128) {
    target[end] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
    end += 1
  }
  target[end] = rest
  return end + 1
}

function writeBytes(target: Buffer, at: number, bytes: Buffer): number {
  const end = writeNumber(target, at, bytes.length)
  target.set(bytes, end)
  return end + bytes.length
}
