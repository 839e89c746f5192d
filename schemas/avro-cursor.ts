/** Reads single values of Avro's binary encoding, never beyond the end. The other way is `avro-write.ts`. */

/** What is wrong with bytes that are no whole value of their schema. */
export class AvroFault extends Error {
  override readonly name = 'AvroFault'
  readonly kind: 'truncated' | 'trailing' | 'invalid'

  constructor(kind: AvroFault['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

const none = Buffer.alloc(0)

/** A place in bytes. `at` never goes beyond the end; what would throws `AvroFault`. */
export class AvroCursor {
  bytes: Buffer = none
  at = 0

  /** int and long: zig-zag, seven bits a byte, lowest first. */
  long(): number {
    const first = this.bytes[this.at]
    if (first === undefined) throw truncated()
    this.at += 1
    if (first >= 0x80) return this.#longFrom(first & 0x7f)
    return (first & 1) === 0 ? first >> 1 : -((first + 1) >> 1)
  }

  string(): string {
    const size = this.long()
    const start = this.at
    this.skip(size)
    return this.bytes.toString('utf8', start, this.at)
  }

  skip(size: number): void {
    if (size < 0) throw invalid('a length is negative')
    const end = this.at + size
    if (end > this.bytes.length) throw truncated()
    this.at = end
  }

  #longFrom(first: number): number {
    let zigZag = first
    // As far as 32 bits reach, which is for nearly all, without fractions.
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.bytes[this.at]
      if (byte === undefined) throw truncated()
      this.at += 1
      zigZag |= (byte & 0x7f) << shift
      if (byte < 0x80) return (zigZag & 1) === 0 ? zigZag >> 1 : -((zigZag + 1) >> 1)
    }
    for (let factor = 2 ** 28; factor <= largestFactor; factor *= 128) {
      const byte = this.bytes[this.at]
      if (byte === undefined) throw truncated()
      this.at += 1
      zigZag += (byte & 0x7f) * factor
      if (byte >= 0x80) continue
      const value = zigZag % 2 === 0 ? zigZag / 2 : -(zigZag + 1) / 2
      if (Math.abs(value) > largestLong) throw invalid('a number is beyond 2^53')
      return value
    }
    throw invalid('a number has more than ten bytes')
  }
}

/** As avsc: beyond it numbers are not exact. */
const largestLong = 9_007_199_254_740_990
const largestFactor = 2 ** 63

export function invalid(message: string): AvroFault {
  return new AvroFault('invalid', message)
}

function truncated(): AvroFault {
  return new AvroFault('truncated', 'the bytes end before the last field does')
}
