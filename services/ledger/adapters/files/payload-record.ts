import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import type { NewPayload, Payload } from '../../storage/payload-store.ts'
import type { DataKey } from './data-keys.ts'

/**
 * A record of a payload file holds the payloads of a run of positions that have one data key: to begin an encryption takes ten times
 * as long as to encrypt one payload. `u32 rest | u64 first position | u32 data key | u32 payloads | 12 iv | ciphertext | 16 tag`,
 * big-endian. What is encrypted, for each payload: `32 salt | u16 key length | u32 value length | key | value`. Positions and data
 * key are authenticated, so a record cannot be moved.
 */
const headerBytes = 4 + 8 + 4 + 4
const ivBytes = 12
const tagBytes = 16
const saltBytes = 32
const partBytes = saltBytes + 2 + 4
/** A run ends once it is this long: whoever wants one payload decrypts its whole run. */
const runBytes = 16 * 1024

export const recordOverheadBytes = headerBytes + ivBytes + tagBytes

export interface PayloadHeader {
  /** The positions [first, first + count). */
  readonly first: number
  readonly count: number
  readonly slot: number
  readonly end: number
}

/** The header of the record at `at`, or null when it is not whole. */
export function payloadHeaderAt(bytes: Buffer, at: number): PayloadHeader | null {
  if (at + headerBytes > bytes.length) return null
  return {
    first: Number(bytes.readBigUInt64BE(at + 4)),
    slot: bytes.readUInt32BE(at + 12),
    count: bytes.readUInt32BE(at + 16),
    end: at + 4 + bytes.readUInt32BE(at),
  }
}

/** How many payloads from `from` on make one record: of one subject, at positions in a row, at least one. */
export function runLength(payloads: readonly NewPayload[], from: number): number {
  const first = payloads[from]
  if (first === undefined) return 0
  let bytes = sizeOf(first)
  let at = from + 1
  for (; at < payloads.length && bytes < runBytes; at += 1) {
    const payload = payloads[at]
    if (payload?.subject !== first.subject) break
    if (payload.position !== first.position + at - from) break
    bytes += sizeOf(payload)
  }
  return at - from
}

export function sizeOf({ key, value }: Payload): number {
  return partBytes + key.length + value.length
}

/**
 * Writes the record of payloads [from, to), a run, in the clear, with the room that its tag will take; there must be room for their
 * sizes and the overhead. Returns the place after it. `encryptPayloadRecord` makes it what is stored.
 */
export function layOutPayloadRecord(
  bytes: Buffer,
  at: number,
  payloads: readonly NewPayload[],
  from: number,
  to: number,
  slot: number,
  iv: Buffer,
): number {
  const bodyAt = at + headerBytes + ivBytes
  let plainEnd = bodyAt
  for (let index = from; index < to; index += 1) {
    const payload = payloads[index]
    if (payload !== undefined) plainEnd = writePart(bytes, plainEnd, payload)
  }
  const end = plainEnd + tagBytes
  bytes.writeUInt32BE(end - at - 4, at)
  bytes.writeBigUInt64BE(BigInt(payloads[from]?.position ?? 0), at + 4)
  bytes.writeUInt32BE(slot, at + 12)
  bytes.writeUInt32BE(to - from, at + 16)
  iv.copy(bytes, at + headerBytes)
  return end
}

/** Encrypts a whole record that was laid out, where it stands. */
export function encryptPayloadRecord(record: Buffer, key: KeyObject): void {
  const bodyAt = headerBytes + ivBytes
  const tagAt = record.length - tagBytes
  const cipher = createCipheriv('aes-256-gcm', key, record.subarray(headerBytes, bodyAt))
  cipher.setAAD(record.subarray(4, headerBytes))
  cipher.update(record.subarray(bodyAt, tagAt)).copy(record, bodyAt)
  cipher.final()
  cipher.getAuthTag().copy(record, tagAt)
}

function writePart(bytes: Buffer, at: number, { salt, key, value }: Payload): number {
  bytes.set(salt, at)
  bytes.writeUInt16BE(key.length, at + saltBytes)
  bytes.writeUInt32BE(value.length, at + saltBytes + 2)
  bytes.set(key, at + partBytes)
  bytes.set(value, at + partBytes + key.length)
  return at + partBytes + key.length + value.length
}

/** Opens a whole record; null when it was changed. */
export function openPayloadRecord(record: Buffer, dataKey: DataKey): readonly Payload[] | null {
  const bodyAt = headerBytes + ivBytes
  const tagAt = record.length - tagBytes
  if (tagAt < bodyAt) return null
  const decipher = createDecipheriv(
    'aes-256-gcm',
    dataKey.key,
    record.subarray(headerBytes, bodyAt),
  )
  decipher.setAAD(record.subarray(4, headerBytes))
  decipher.setAuthTag(record.subarray(tagAt))
  const body = decipher.update(record.subarray(bodyAt, tagAt))
  try {
    decipher.final()
  } catch {
    return null
  }
  return partsOf(body, record.readUInt32BE(16))
}

function partsOf(body: Buffer, count: number): readonly Payload[] | null {
  const payloads: Payload[] = []
  let at = 0
  for (; payloads.length < count;) {
    if (at + partBytes > body.length) return null
    const keyAt = at + partBytes
    const valueAt = keyAt + body.readUInt16BE(at + saltBytes)
    const end = valueAt + body.readUInt32BE(at + saltBytes + 2)
    if (end > body.length) return null
    payloads.push({
      salt: body.subarray(at, at + saltBytes),
      key: body.subarray(keyAt, valueAt),
      value: body.subarray(valueAt, end),
    })
    at = end
  }
  return at === body.length ? payloads : null
}
