import { crc32 } from 'node:zlib'

/**
 * A frame of a segment: `u32 body length | u32 crc | u8 type | body`, big-endian. The crc covers type and body. It tells torn
 * writes; it is not there for security.
 *
 * The type of a record is 0, which is also the prefix of a leaf hash: type and body of a record are hashed as they stand.
 */
export const frameType = { record: 0, commit: 1, sealFooter: 2 } as const

export const frameHeaderBytes = 9
/** Where the checked bytes, type and body, begin. */
export const checkedAt = 8

/** A body over this is damage, not a frame: records have at most 65,535 bytes, the others far fewer. */
const maxBodyBytes = 65_535

export interface Frame {
  readonly type: number
  /** Of type and body together. */
  readonly checkedStart: number
  /** Where the next frame begins. */
  readonly end: number
}

/** The frame at `at`, or null when no whole and valid frame stands there. */
export function frameAt(bytes: Buffer, at: number): Frame | null {
  if (at + frameHeaderBytes > bytes.length) return null
  const length = bytes.readUInt32BE(at)
  const end = at + frameHeaderBytes + length
  if (length > maxBodyBytes || end > bytes.length) return null
  const checkedStart = at + checkedAt
  if (crc32(bytes.subarray(checkedStart, end)) !== bytes.readUInt32BE(at + 4)) return null
  return { type: bytes[checkedStart] ?? 0, checkedStart, end }
}

/** Writes the header of a frame whose body stands in place already. */
export function closeFrame(bytes: Buffer, at: number, type: number, bodyBytes: number): number {
  const end = at + frameHeaderBytes + bodyBytes
  bytes[at + checkedAt] = type
  sealFrame(bytes, at, bytes.subarray(at + checkedAt, end))
  return end
}

/** The same where type and body stand in place already: `checked` is a view of them. */
export function sealFrame(bytes: Buffer, at: number, checked: Buffer): void {
  bytes.writeUInt32BE(checked.length - 1, at)
  bytes.writeUInt32BE(crc32(checked), at + 4)
}
