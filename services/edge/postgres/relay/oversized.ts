import { createHash } from 'node:crypto'

import { headerBytes } from '../protocol/message-types.ts'

/** A message too long to be looked at: its beginning, its length and its digest, for the record of its refusal. */
export class OversizedMessage {
  readonly type: number
  readonly #hash = createHash('sha256')
  readonly #maxHeadBytes: number
  readonly #head: Buffer[] = []
  #headBytes = 0
  #bytes = 0

  constructor(type: number, maxHeadBytes: number) {
    this.type = type
    this.#maxHeadBytes = maxHeadBytes
  }

  /** The first part begins with the header, which is not counted. */
  add(bytes: Buffer, start: number, end: number, isFirst: boolean): void {
    const part = bytes.subarray(isFirst ? start + headerBytes : start, end)
    this.#hash.update(part)
    this.#bytes += part.length
    const kept = Buffer.from(part.subarray(0, this.#maxHeadBytes - this.#headBytes))
    this.#headBytes += kept.length
    if (kept.length > 0) this.#head.push(kept)
  }

  finish(): { readonly head: Buffer; readonly bytes: number; readonly sha256: Buffer } {
    return { head: Buffer.concat(this.#head), bytes: this.#bytes, sha256: this.#hash.digest() }
  }
}
