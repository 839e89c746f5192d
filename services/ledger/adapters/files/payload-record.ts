import { createCipheriv, createDecipheriv } from 'node:crypto'

import type { Payload } from '../../payload-store.ts'
import type { DataKey } from './data-keys.ts'

/**
 * A record of a payload file: `u32 rest | u64 position | u32 data key | 12 iv | ciphertext | 16 tag`, big-endian. What is
 * encrypted: `32 salt | u16 key length | key | value`. Position and data key are authenticated, so a record cannot be moved.
 */
const headerBytes = 4 + 8 + 4
const ivBytes = 12
const tagBytes = 16
const saltBytes = 32
export const payloadOverheadBytes = headerBytes + ivBytes + tagBytes + saltBytes + 2

export interface PayloadHeader {
  readonly position: number
  readonly slot: number
  readonly end: number
}

/** The header of the record at `at`, or null when it is not whole. */
export function payloadHeaderAt(bytes: Buffer, at: number): PayloadHeader | null {
  if (at + headerBytes > bytes.length) return null
  const end = at + 4 + bytes.readUInt32BE(at)
  return {
    position: Number(bytes.readBigUInt64BE(at + 4)),
    slot: bytes.readUInt32BE(at + 12),
    end,
  }
}

/** Writes a record; there must be room for its value, its key and the overhead. Returns the position after it. */
export function writePayloadRecord(
  bytes: Buffer,
  at: number,
  position: number,
  dataKey: DataKey,
  iv: Buffer,
  payload: Payload,
): number {
  const bodyAt = at + headerBytes + ivBytes
  const { salt, key, value } = payload
  const plain = Buffer.allocUnsafe(saltBytes + 2 + key.length + value.length)
  salt.copy(plain)
  plain.writeUInt16BE(key.length, saltBytes)
  key.copy(plain, saltBytes + 2)
  value.copy(plain, saltBytes + 2 + key.length)
  const end = bodyAt + plain.length + tagBytes
  bytes.writeUInt32BE(end - at - 4, at)
  bytes.writeBigUInt64BE(BigInt(position), at + 4)
  bytes.writeUInt32BE(dataKey.slot, at + 12)
  iv.copy(bytes, at + headerBytes)
  const cipher = createCipheriv('aes-256-gcm', dataKey.key, iv)
  cipher.setAAD(bytes.subarray(at + 4, at + headerBytes))
  cipher.update(plain).copy(bytes, bodyAt)
  cipher.final()
  cipher.getAuthTag().copy(bytes, end - tagBytes)
  return end
}

/** Opens a whole record; null when it was changed. */
export function openPayloadRecord(record: Buffer, dataKey: DataKey): Payload | null {
  const bodyAt = headerBytes + ivBytes
  const tagAt = record.length - tagBytes
  if (tagAt < bodyAt + saltBytes + 2) return null
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
  const keyEnd = saltBytes + 2 + body.readUInt16BE(saltBytes)
  if (keyEnd > body.length) return null
  return {
    salt: body.subarray(0, saltBytes),
    key: body.subarray(saltBytes + 2, keyEnd),
    value: body.subarray(keyEnd),
  }
}
