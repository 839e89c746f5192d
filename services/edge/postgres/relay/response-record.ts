import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'

import type { PostgresLimits } from '../limits.ts'
import { sha256 } from '../statements/statements.ts'

export type ContentEncoding = 'postgres' | 'copy'

/** Takes recorded content that does not fit into the completion. The bytes are only lent. */
export type ContentSink = (
  chunk: number,
  encoding: ContentEncoding,
  content: Buffer,
  isTruncated: boolean,
) => void

export interface RecordedResponse {
  /** Null when there was no result. */
  readonly sha256: Buffer | null
  /** What has not been given to the sink: it goes into the completion. Empty when only the truncation is left to say. */
  readonly content: Buffer | null
  readonly chunk: number
  readonly encoding: ContentEncoding
  readonly isTruncated: boolean
}

/**
 * The digest and the recorded content of one result: RowDescription and DataRow messages as sent, or the data of a COPY.
 * The usual small result is one slice of one chunk, hashed in one call and never copied. Holds at most one chunk's worth of
 * recorded content, whatever the size of the result.
 */
export class ResponseRecord {
  readonly #limits: PostgresLimits
  readonly #maxBytes: number
  readonly #sink: ContentSink
  #encoding: ContentEncoding = 'postgres'
  #hash: Hash | null = null
  /** The newest slice: neither hashed nor recorded yet. */
  #bytes: Buffer | null = null
  #start = 0
  #end = 0
  #gather: Buffer | null = null
  #gathered = 0
  #recorded = 0
  #chunk = 0
  #held: Buffer | null = null
  #heldLength = 0
  #isTruncated = false

  /** `maxBytes`: how much of the result is recorded. */
  constructor(limits: PostgresLimits, maxBytes: number, sink: ContentSink) {
    this.#limits = limits
    this.#maxBytes = maxBytes
    this.#sink = sink
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === bytes && this.#end === start) {
      this.#end = end
      return
    }
    this.suspend()
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** Rows of a COPY are many and small, each behind a header that does not count: they are gathered before they are hashed. */
  addCopyData(bytes: Buffer, start: number, end: number): void {
    if (this.#encoding !== 'copy') {
      this.suspend()
      this.#flush()
      this.#encoding = 'copy'
    }
    if (end - start > gatherBytes / 4) {
      this.suspend()
      this.#take(bytes.subarray(start, end))
      return
    }
    if (this.#gathered + end - start > gatherBytes) this.suspend()
    this.#gather ??= Buffer.allocUnsafe(gatherBytes)
    this.#gathered += bytes.copy(this.#gather, this.#gathered, start, end)
  }

  /** The chunk that was lent goes away: take from it what is needed. */
  suspend(): void {
    if (this.#gathered > 0 && this.#gather !== null) {
      this.#take(this.#gather.subarray(0, this.#gathered))
      this.#gathered = 0
    }
    const bytes = this.#bytes
    if (bytes === null) return
    this.#bytes = null
    this.#take(bytes.subarray(this.#start, this.#end))
  }

  /** What fits is held as it is, and hashed by one call at the end. */
  #take(slice: Buffer): void {
    const whole = this.#heldLength + slice.length
    if (this.#hash !== null || whole > Math.min(this.#limits.inlineResultBytes, this.#maxBytes)) {
      this.#hashHeld().update(slice)
    }
    this.#hold(slice)
  }

  #hashHeld(): Hash {
    if (this.#hash !== null) return this.#hash
    this.#hash = createHash('sha256')
    if (this.#held !== null) this.#hash.update(this.#held.subarray(0, this.#heldLength))
    return this.#hash
  }

  finish(): RecordedResponse {
    const bytes = this.#bytes
    const size = this.#end - this.#start
    const isOneSlice = this.#hash === null && this.#heldLength === 0 && this.#gathered === 0
    if (bytes === null || !isOneSlice || size > this.#limits.inlineResultBytes) {
      this.suspend()
      return this.#rest(this.#digest())
    }
    const slice = bytes.subarray(this.#start, this.#end)
    this.#bytes = null
    const digest = sha256(slice)
    if (size > this.#maxBytes) {
      this.#hold(slice)
      return this.#rest(digest)
    }
    return {
      sha256: digest,
      content: this.#maxBytes === 0 ? null : slice,
      chunk: 0,
      encoding: this.#encoding,
      isTruncated: false,
    }
  }

  #digest(): Buffer | null {
    if (this.#hash !== null) return this.#hash.digest()
    return this.#held === null ? null : sha256(this.#held.subarray(0, this.#heldLength))
  }

  #rest(digest: Buffer | null): RecordedResponse {
    if (this.#heldLength > this.#limits.inlineResultBytes) this.#flush()
    const content = this.#held?.subarray(0, this.#heldLength) ?? null
    return {
      sha256: digest,
      content: content === null || (content.length === 0 && !this.#isTruncated) ? null : content,
      chunk: this.#chunk,
      encoding: this.#encoding,
      isTruncated: this.#isTruncated,
    }
  }

  #hold(slice: Buffer): void {
    let at = 0
    const room = this.#maxBytes - this.#recorded
    const wanted = Math.min(slice.length, room)
    if (wanted < slice.length) this.#isTruncated = this.#maxBytes > 0
    while (at < wanted) {
      const held = this.#room(wanted - at)
      const copied = slice.copy(held, this.#heldLength, at, wanted)
      at += copied
      this.#recorded += copied
      this.#heldLength += copied
      if (at < wanted) this.#flush()
    }
  }

  /** Where the next bytes are held. Most results are far smaller than a chunk, so it grows with what there is. */
  #room(bytes: number): Buffer {
    const held = this.#held
    const needed = this.#heldLength + bytes
    if (held !== null && held.length >= Math.min(needed, this.#chunkBytes)) return held
    const size = held === null ? needed : Math.max(needed, 2 * held.length)
    const grown = Buffer.allocUnsafe(Math.min(size, this.#chunkBytes))
    held?.copy(grown, 0, 0, this.#heldLength)
    this.#held = grown
    return grown
  }

  get #chunkBytes(): number {
    return Math.min(this.#limits.recordedChunkBytes, this.#maxBytes)
  }

  #flush(): void {
    if (this.#held === null || this.#heldLength === 0) return
    this.#hashHeld()
    const content = this.#held.subarray(0, this.#heldLength)
    this.#sink(this.#chunk++, this.#encoding, content, this.#isTruncated)
    this.#heldLength = 0
  }
}

const gatherBytes = 32 * 1024
