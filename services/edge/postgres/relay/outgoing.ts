import type { Writable } from 'node:stream'

/**
 * What one input chunk sends on. Neighbouring slices of one buffer stay one slice, so a chunk that is relayed as it came is
 * written as it came, by one call.
 */
export class Outgoing {
  #bytes: Buffer | null = null
  #start = 0
  #end = 0
  #before: Buffer[] = []

  get isEmpty(): boolean {
    return this.#bytes === null
  }

  /** In bytes. */
  get size(): number {
    const last = this.#bytes === null ? 0 : this.#end - this.#start
    return this.#before.reduce((sum, { length }) => sum + length, last)
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === bytes && this.#end === start) {
      this.#end = end
      return
    }
    if (this.#bytes !== null) this.#before.push(this.#bytes.subarray(this.#start, this.#end))
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  push(bytes: Buffer): void {
    this.add(bytes, 0, bytes.length)
  }

  /** Writes everything. False when the socket's buffer is full: stop reading the other side until it drains. */
  writeTo(socket: Pick<Writable, 'write' | 'cork' | 'uncork'>): boolean {
    const bytes = this.#bytes
    if (bytes === null) return true
    const isWholeBuffer = this.#start === 0 && this.#end === bytes.length
    const last = isWholeBuffer ? bytes : bytes.subarray(this.#start, this.#end)
    this.#bytes = null
    if (this.#before.length === 0) return socket.write(last)
    const before = this.#before
    this.#before = []
    const size = before.reduce((sum, { length }) => sum + length, last.length)
    // A row that was masked lies between slices of what came: so little is copied sooner than it is sent in pieces.
    if (size <= copiedBytes) return socket.write(Buffer.concat([...before, last], size))
    socket.cork()
    for (const part of before) socket.write(part)
    const hasRoom = socket.write(last)
    socket.uncork()
    return hasRoom
  }

  clear(): void {
    this.#bytes = null
    this.#before = []
  }

  mark(): OutgoingMark {
    const { length } = this.#before
    return { length, bytes: this.#bytes, start: this.#start, end: this.#end }
  }

  /** Takes back what was added since, as long as nothing was written. */
  rollBack(mark: OutgoingMark): void {
    this.#before.length = mark.length
    this.#bytes = mark.bytes
    this.#start = mark.start
    this.#end = mark.end
  }
}

const copiedBytes = 16 * 1024

export interface OutgoingMark {
  readonly length: number
  readonly bytes: Buffer | null
  readonly start: number
  readonly end: number
}
