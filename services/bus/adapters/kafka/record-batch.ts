import { crc32c } from './crc32c.ts'
import { sizeOfVarint, VarintReader, writeVarint } from './varint.ts'

/*
 * Records as Kafka keeps them, in its format 2:
 *
 *   batch  = base offset i64, length i32, leader epoch i32, magic i8, crc u32, attributes i16, last offset delta i32,
 *            first time i64, last time i64, producer id i64, producer epoch i16, first sequence i32, count i32, record*
 *   record = length varint, attributes i8, time delta varint, offset delta varint, body
 *   body   = key, value, count varint, (name, value)*          each behind its length; -1 for null
 *
 * The client's own encoder makes some twenty buffers for each record, and its decoder reads headers that nobody asked for.
 */
export const batchOverheadBytes = 61
/** Length, attributes, time and offset of a record, at their longest. */
export const recordOverheadBytes = 5 + 1 + 1 + 5

const magic = 2
const lengthEnd = 12
const magicAt = 16
const crcAt = 17
const checkedAt = 21
const noProducer = -1n

/** Bodies are put together here, before their size is known. One thread, no await between: it is never shared. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024)

/** The part of a record that does not say where and when it stands. Its own headers have precedence over those that are added. */
export function encodeBody(
  key: Uint8Array,
  value: Uint8Array,
  headers: Readonly<Record<string, Uint8Array>>,
  added: Readonly<Record<string, Uint8Array>> = noHeaders,
): Buffer {
  const ownNames = Object.keys(headers)
  const addedNames = Object.keys(added)
  let most = key.length + value.length + 3 * longestLength
  for (const name of ownNames) most += mostOf(name, headers[name] ?? none)
  for (const name of addedNames) most += mostOf(name, added[name] ?? none)
  const bytes = most <= scratch.length ? scratch : Buffer.allocUnsafeSlow(most)
  let at = writeBytes(bytes, 0, key)
  // On a compacted topic an empty record is a tombstone, which to Kafka is null.
  at = value.length === 0 ? writeVarint(bytes, at, -1) : writeBytes(bytes, at, value)
  const kept = addedNames.filter((name) => !Object.hasOwn(headers, name))
  at = writeVarint(bytes, at, kept.length + ownNames.length)
  for (const name of kept) at = writeHeader(bytes, at, name, added[name] ?? none)
  for (const name of ownNames) at = writeHeader(bytes, at, name, headers[name] ?? none)
  const body = Buffer.allocUnsafe(at)
  bytes.copy(body, 0, 0, at)
  return body
}

/** One batch, uncompressed and of no producer that Kafka knows, of records that were all made at this time. */
export function encodeBatch(bodies: readonly Uint8Array[], timestampMs: number): Buffer {
  let size = batchOverheadBytes
  for (const [at, body] of bodies.entries()) {
    const length = recordLength(at, body)
    size += sizeOfVarint(length) + length
  }
  const batch = Buffer.allocUnsafe(size)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(size - lengthEnd, 8)
  batch.writeInt32BE(0, lengthEnd)
  batch.writeInt8(magic, magicAt)
  let at = batch.writeInt16BE(0, checkedAt)
  at = batch.writeInt32BE(bodies.length - 1, at)
  at = batch.writeBigInt64BE(BigInt(timestampMs), at)
  at = batch.writeBigInt64BE(BigInt(timestampMs), at)
  at = batch.writeBigInt64BE(noProducer, at)
  at = batch.writeInt16BE(0, at)
  at = batch.writeInt32BE(0, at)
  at = batch.writeInt32BE(bodies.length, at)
  for (const [index, body] of bodies.entries()) {
    at = writeVarint(batch, at, recordLength(index, body))
    batch[at] = 0
    batch[at + 1] = 0
    at = writeVarint(batch, at + 2, index)
    batch.set(body, at)
    at += body.length
  }
  batch.writeUInt32BE(crc32c(batch, checkedAt, size), crcAt)
  return batch
}

/** A record without its length, read as far as its value. */
export interface RecordHead {
  readonly attributes: number
  readonly timeDelta: number
  readonly offsetDelta: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Where the count of the headers stands. */
  readonly headersAt: number
}

/** Views, no copies. Throws a `RangeError` for bytes that are no whole record, headers included. */
export function decodeRecord(record: Buffer): RecordHead {
  const reader = new VarintReader(record, 1)
  const timeDelta = reader.next()
  const offsetDelta = reader.next()
  const key = reader.nextBytes()
  const value = reader.nextBytes()
  const headersAt = reader.at
  for (let left = 2 * reader.next(); left > 0; left -= 1) reader.skipBytes()
  if (reader.at !== record.length) throw new RangeError('bytes follow a record')
  return { attributes: record.readInt8(0), timeDelta, offsetDelta, key, value, headersAt }
}

/** Of a whole record the names and values in their order; a name may stand there several times. */
export function* decodeHeaders(record: Buffer, at: number): Generator<[string, Buffer | null]> {
  const reader = new VarintReader(record, at)
  for (let left = reader.next(); left > 0; left -= 1) {
    const name = reader.nextBytes()
    yield [name === null ? '' : name.toString(), reader.nextBytes()]
  }
}

function recordLength(offsetDelta: number, body: Uint8Array): number {
  return 2 + sizeOfVarint(offsetDelta) + body.length
}

function sizeOfBytes(bytes: Uint8Array): number {
  return sizeOfVarint(bytes.length) + bytes.length
}

function writeBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  const start = writeVarint(target, at, bytes.length)
  target.set(bytes, start)
  return start + bytes.length
}

function writeHeader(target: Uint8Array, at: number, name: string, value: Uint8Array): number {
  const encoded = encodedName(name)
  target.set(encoded, at)
  return writeBytes(target, at + encoded.length, value)
}

/** A character takes three bytes at most, and there are two lengths. */
function mostOf(name: string, value: Uint8Array): number {
  return 3 * name.length + value.length + 2 * longestLength
}

const longestLength = 5
const none = new Uint8Array(0)
const noHeaders: Readonly<Record<string, Uint8Array>> = Object.freeze({})

// The same few names stand in every record.
const keptNames = 256
const encodedNames = new Map<string, Uint8Array>()

function encodedName(name: string): Uint8Array {
  const kept = encodedNames.get(name)
  if (kept !== undefined) return kept
  const text = Buffer.from(name)
  const encoded = new Uint8Array(sizeOfBytes(text))
  writeBytes(encoded, 0, text)
  if (encodedNames.size >= keptNames) encodedNames.clear()
  encodedNames.set(name, encoded)
  return encoded
}
