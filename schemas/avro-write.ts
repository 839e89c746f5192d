/**
 * Avro's binary encoding of single values (Avro 1.12, "Binary Encoding"), for the fields that stand in nearly every event. Each
 * function writes at `at` and returns the position after it. What lies beyond the end of the buffer is not written, and the
 * position goes on all the same: the caller compares it with the buffer's length once, at the end.
 */

/** int and long: zig-zag, then seven bits a byte, lowest first. */
export function writeLong(buffer: Buffer, at: number, value: number): number {
  if ((value & 0x3f) === value) {
    buffer[at] = value * 2
    return at + 1
  }
  if (!Number.isSafeInteger(value)) throw new RangeError('not an integer that Avro can hold')
  // Beyond 2^53 twice the value is even, hence still exact; the one added to a negative is taken off before doubling.
  let high = value >= 0 ? value * 2 : -(value + 1) * 2
  let low = value >= 0 ? high % groupOf4 : (high % groupOf4) + 1
  let end = at
  for (;;) {
    high = Math.floor(high / groupOf4)
    if (high === 0) break
    for (let group = 0; group < 4; group += 1) {
      buffer[end++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    low = high % groupOf4
  }
  for (; low >= 0x80; low >>>= 7) buffer[end++] = (low & 0x7f) | 0x80
  buffer[end++] = low
  return end
}

export function writeString(buffer: Buffer, at: number, value: string): number {
  const { length } = value
  if (length > shortString) return writeLongString(buffer, at, value)
  // Most strings are short and ASCII: for them a call of the runtime costs more than the bytes.
  const start = length < 64 ? at + 1 : at + 2
  for (let index = 0; index < length; index += 1) {
    const code = value.charCodeAt(index)
    if (code >= 0x80) return writeLongString(buffer, at, value)
    buffer[start + index] = code
  }
  writeLong(buffer, at, length)
  return start + length
}

function writeLongString(buffer: Buffer, at: number, value: string): number {
  const size = Buffer.byteLength(value)
  const start = writeLong(buffer, at, size)
  if (start + size <= buffer.length) buffer.write(value, start, size)
  return start + size
}

export function writeBytes(buffer: Buffer, at: number, value: Uint8Array): number {
  return writeRaw(buffer, writeLong(buffer, at, value.length), value)
}

/** fixed: the bytes alone. */
export function writeFixed(buffer: Buffer, at: number, value: Uint8Array, size: number): number {
  if (value.length !== size) throw new RangeError(`${value.length} bytes in place of ${size}`)
  return writeRaw(buffer, at, value)
}

/** Bytes as they are. */
export function writeRaw(buffer: Buffer, at: number, value: Uint8Array): number {
  const end = at + value.length
  if (end <= buffer.length) buffer.set(value, at)
  return end
}

export function writeBoolean(buffer: Buffer, at: number, value: boolean): number {
  buffer[at] = value ? 1 : 0
  return at + 1
}

/** A union of null and a string. */
export function writeOptionalString(buffer: Buffer, at: number, value: string | null): number {
  if (value === null) return writeAbsent(buffer, at)
  return writeString(buffer, writePresent(buffer, at), value)
}

/** The null of a union whose first branch it is. */
export function writeAbsent(buffer: Buffer, at: number): number {
  buffer[at] = 0
  return at + 1
}

/** The second branch of a union; its value follows. */
export function writePresent(buffer: Buffer, at: number): number {
  buffer[at] = 2
  return at + 1
}

/** An array: one block with its count, then the end. */
export function writeArray<T>(
  buffer: Buffer,
  at: number,
  items: readonly T[],
  writeItem: (buffer: Buffer, at: number, item: T) => number,
): number {
  let end = at
  if (items.length > 0) {
    end = writeLong(buffer, end, items.length)
    for (const item of items) end = writeItem(buffer, end, item)
  }
  return writeLong(buffer, end, 0)
}

const shortString = 96
const groupOf4 = 2 ** 28
