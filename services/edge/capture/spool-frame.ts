import { crc32 } from 'node:zlib'

/**
 * One event in the spool: u32 length of what follows the crc, u32 crc (zlib.crc32) over it, u48 producer_seq, u16 length of
 * the key, key, event. The crc is for torn writes, not against people. Big endian.
 */

export const frameHeaderBytes = 16

export interface SpoolFrame {
  readonly producerSeq: number
  /** What the bus orders by: the session's id, or the producer's where there is none. */
  readonly key: Buffer
  /** The bytes of the event as they are sent. */
  readonly value: Buffer
  /** Where the next frame begins. */
  readonly end: number
}

/** Closes the frame at `start` whose key and event already lie in `buffer`, up to `end`. */
export function closeFrame(
  buffer: Buffer,
  start: number,
  producerSeq: number,
  keyBytes: number,
  end: number,
): void {
  buffer.writeUInt32BE(end - start - 8, start)
  buffer.writeUIntBE(producerSeq, start + 8, 6)
  buffer.writeUInt16BE(keyBytes, start + 14)
  buffer.writeUInt32BE(crc32(buffer.subarray(start + 8, end)), start + 4)
}

/** The frame at `start`, or null where none is whole and right. Slices of the buffer. */
export function frameAt(buffer: Buffer, start: number): SpoolFrame | null {
  if (start + frameHeaderBytes > buffer.length) return null
  const end = start + 8 + buffer.readUInt32BE(start)
  if (end > buffer.length || start + frameHeaderBytes + buffer.readUInt16BE(start + 14) > end) {
    return null
  }
  if (crc32(buffer.subarray(start + 8, end)) !== buffer.readUInt32BE(start + 4)) return null
  return knownFrameAt(buffer, start)
}

/** The frame at `start` of bytes that hold whole frames, as we wrote them or as they were checked before. */
export function knownFrameAt(buffer: Buffer, start: number): SpoolFrame {
  const end = start + 8 + buffer.readUInt32BE(start)
  const keyEnd = start + frameHeaderBytes + buffer.readUInt16BE(start + 14)
  return {
    producerSeq: buffer.readUIntBE(start + 8, 6),
    key: buffer.subarray(start + frameHeaderBytes, keyEnd),
    value: buffer.subarray(keyEnd, end),
    end,
  }
}

/** The last of these frames, of which there is one at least. */
export function lastFrame(parts: readonly Buffer[]): SpoolFrame {
  const last = parts.at(-1) ?? Buffer.alloc(0)
  let frame = knownFrameAt(last, 0)
  while (frame.end < last.length) frame = knownFrameAt(last, frame.end)
  return frame
}
