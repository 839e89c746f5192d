/** Kafka's whole numbers of variable length: zigzag, then seven bits a byte, the lowest first. Exact up to 2^52 either way. */

const longest = 10

export function sizeOfVarint(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let size = 1
  for (; rest >= 0x80; size += 1) rest = Math.floor(rest / 0x80)
  return size
}

/** Returns the place after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  for (; rest >= 0x80; at += 1) {
    bytes[at] = (rest % 0x80) + 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at] = rest
  return at + 1
}

/** Reads one number after the other; throws a `RangeError` where the bytes end before a number does. */
export class VarintReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  next(): number {
    let sum = 0
    let factor = 1
    for (let count = 0; count < longest; count += 1) {
      const byte = this.bytes[this.at]
      if (byte === undefined) break
      this.at += 1
      sum += (byte & 0x7f) * factor
      if (byte < 0x80) return sum % 2 === 0 ? sum / 2 : -(sum + 1) / 2
      factor *= 0x80
    }
    throw new RangeError('a number is not whole')
  }

  /** Bytes behind their length, a view; null for the length -1. */
  nextBytes(): Buffer | null {
    const length = this.skipBytes()
    return length === -1 ? null : this.bytes.subarray(this.at - length, this.at)
  }

  /** Returns the length. */
  skipBytes(): number {
    const length = this.next()
    if (length < -1 || length > this.bytes.length - this.at) {
      throw new RangeError(`${length} bytes are not there`)
    }
    if (length > 0) this.at += length
    return length
  }
}
