import { encodeEvent } from '../../../schemas/codec.ts'
import type { EventHead, EventParts } from '../../../schemas/event.ts'
import { closeFrame, frameHeaderBytes } from './spool-frame.ts'

const chunkBytes = 1 << 20

/**
 * Frames that wait for the disk, encoded where they will be written from. What was taken is never written to again, so the
 * publisher may read it for as long as it likes.
 */
export class AppendBuffer {
  readonly #maxEventBytes: number
  #chunk = Buffer.allocUnsafeSlow(chunkBytes)
  #start = 0
  #end = 0
  #full: Buffer[] = []
  #bytes = 0

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Encodes an event behind the others and returns its bytes as they are sent; null when it is too large, then nothing happened. */
  append(key: Buffer, head: EventHead, context: Buffer, parts: Partial<EventParts>): Buffer | null {
    for (let size = chunkBytes; ; size *= 2) {
      const start = this.#end
      const valueAt = start + frameHeaderBytes + key.length
      if (valueAt < this.#chunk.length) {
        const end = encodeEvent(head, context, parts, this.#chunk, valueAt)
        if (end - valueAt > this.#maxEventBytes) return null
        if (end > 0) {
          key.copy(this.#chunk, start + frameHeaderBytes)
          closeFrame(this.#chunk, start, head.producer_seq, key.length, end)
          this.#end = end
          this.#bytes += end - start
          return this.#chunk.subarray(valueAt, end)
        }
        // An empty chunk that is larger than any event may be was not enough.
        if (start === 0 && this.#chunk.length > this.#maxEventBytes * 2) return null
      }
      this.#closeChunk(size)
    }
  }

  /** Takes what waits, in order. */
  take(): readonly Buffer[] {
    const taken = this.#full
    if (this.#end > this.#start) taken.push(this.#chunk.subarray(this.#start, this.#end))
    this.#start = this.#end
    this.#full = []
    this.#bytes = 0
    return taken
  }

  #closeChunk(size: number): void {
    if (this.#end > this.#start) this.#full.push(this.#chunk.subarray(this.#start, this.#end))
    this.#chunk = Buffer.allocUnsafeSlow(size)
    this.#start = 0
    this.#end = 0
  }
}
