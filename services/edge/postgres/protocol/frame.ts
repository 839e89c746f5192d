import { ProtocolError } from './error.ts'
import { headerBytes } from './message-types.ts'

/** Receives what a framer finds. Slices are only lent: the bytes belong to the chunk or to the framer. */
export interface FrameSink {
  /**
   * One whole message: its type byte at `start`, its body from `start + 5` to `end`. Returning false means "not now": the
   * framer stops, keeps the message and offers it again on `resume`.
   */
  message(type: number, bytes: Buffer, start: number, end: number): boolean
  /**
   * The next bytes of a message that is too long to be held; the first part begins with the header. Only the first part
   * may be answered by "not now".
   */
  part(type: number, bytes: Buffer, start: number, end: number, position: PartPosition): boolean
}

export interface PartPosition {
  readonly first: boolean
  /** What still has to come after this part; 0 with the last one. */
  readonly remaining: number
}

export interface FrameLimits {
  /** Longer messages end the connection. */
  readonly maxMessageBytes: number
  /** Up to this size, type byte included, a message of this type is handed over whole; beyond it, in parts. */
  wholeUpTo(type: number): number
}

/**
 * Cuts one direction of a connection into messages without copying them. Only a message that is split over chunks is
 * copied, once, into a buffer of its own size, which `wholeUpTo` bounds.
 */
export class Framer {
  readonly #limits: FrameLimits
  readonly #header = Buffer.alloc(headerBytes)
  #headerLength = 0
  /** A split message being put together, or null. */
  #assembly: Buffer | null = null
  #assembled = 0
  /** A message being passed on in parts. */
  #partType = 0
  #partRemaining = 0
  /** What a sink that said stop has not seen yet. */
  #unread: Buffer | null = null

  constructor(limits: FrameLimits) {
    this.#limits = limits
  }

  /** True when every byte given so far belongs to a message that has been handed over. */
  get isAtBoundary(): boolean {
    return (
      this.#headerLength === 0 &&
      this.#assembly === null &&
      this.#partRemaining === 0 &&
      this.#unread === null
    )
  }

  get unreadBytes(): number {
    return this.#unread?.length ?? 0
  }

  /** Whether a message of this type waits behind the first one that a sink said stop to. */
  hasUnread(type: number): boolean {
    const unread = this.#unread
    if (unread === null) return false
    let at = 0
    while (unread.length - at >= headerBytes) {
      if (at > 0 && unread[at] === type) return true
      at += this.#totalLength(unread.readUInt32BE(at + 1))
    }
    return false
  }

  /** Hands over every message of `chunk`. False when the sink said stop; the rest waits for `resume`. */
  push(chunk: Buffer, sink: FrameSink): boolean {
    if (this.#unread !== null) {
      this.#unread = Buffer.concat([this.#unread, chunk])
      return false
    }
    return this.#read(chunk, sink)
  }

  resume(sink: FrameSink): boolean {
    const unread = this.#unread
    if (unread === null) return true
    this.#unread = null
    return this.#read(unread, sink)
  }

  #read(chunk: Buffer, sink: FrameSink): boolean {
    const size = chunk.length
    let at = 0
    while (at < size) {
      if (this.#partRemaining > 0) {
        const end = Math.min(size, at + this.#partRemaining)
        this.#partRemaining -= end - at
        const position = { first: false, remaining: this.#partRemaining }
        sink.part(this.#partType, chunk, at, end, position)
        at = end
      } else if (this.#assembly !== null) {
        const copied = chunk.copy(this.#assembly, this.#assembled, at)
        this.#assembled += copied
        at += copied
        if (this.#assembled < this.#assembly.length) return true
        const whole = this.#assembly
        this.#assembly = null
        if (!sink.message(whole[0] ?? 0, whole, 0, whole.length)) {
          return this.#stop(Buffer.concat([whole, chunk.subarray(at)]))
        }
      } else if (this.#headerLength > 0 || size - at < headerBytes) {
        const copied = chunk.copy(this.#header, this.#headerLength, at)
        this.#headerLength += copied
        at += copied
        if (this.#headerLength < headerBytes) return true
        this.#headerLength = 0
        const header = Buffer.from(this.#header)
        if (!this.#startSplit(header, sink)) {
          return this.#stop(Buffer.concat([header, chunk.subarray(at)]))
        }
      } else {
        const type = chunk[at] ?? 0
        const total = this.#totalLength(chunk.readUInt32BE(at + 1))
        const end = at + total
        if (this.#isWhole(type, total)) {
          if (end > size) {
            this.#assembly = Buffer.allocUnsafe(total)
            this.#assembled = chunk.copy(this.#assembly, 0, at)
            return true
          }
          if (!sink.message(type, chunk, at, end)) return this.#stop(chunk.subarray(at))
          at = end
        } else {
          const partEnd = Math.min(end, size)
          const remaining = end - partEnd
          if (!sink.part(type, chunk, at, partEnd, { first: true, remaining })) {
            return this.#stop(chunk.subarray(at))
          }
          this.#partType = type
          this.#partRemaining = remaining
          at = partEnd
        }
      }
    }
    return true
  }

  #stop(unread: Buffer): false {
    this.#unread = unread
    return false
  }

  /** The header itself was split over chunks and is complete now. */
  #startSplit(header: Buffer, sink: FrameSink): boolean {
    const type = header[0] ?? 0
    const total = this.#totalLength(header.readUInt32BE(1))
    if (total === headerBytes) return sink.message(type, header, 0, headerBytes)
    if (this.#isWhole(type, total)) {
      this.#assembly = Buffer.allocUnsafe(total)
      this.#assembled = header.copy(this.#assembly)
      return true
    }
    const remaining = total - headerBytes
    if (!sink.part(type, header, 0, headerBytes, { first: true, remaining })) return false
    this.#partType = type
    this.#partRemaining = remaining
    return true
  }

  #isWhole(type: number, total: number): boolean {
    return total <= this.#limits.wholeUpTo(type)
  }

  #totalLength(length: number): number {
    if (length < 4) throw new ProtocolError('LENGTH_INVALID', 'invalid message length')
    if (length >= this.#limits.maxMessageBytes) {
      throw new ProtocolError('LENGTH_OVER_LIMIT', 'message length over the limit')
    }
    return length + 1
  }
}
