import type { SpoolSegment } from './spool-files.ts'
import type { SpoolBlock } from './spool-queue.ts'

/**
 * The segment that is being written. What was written and not synced lies in the system's memory: it outlives this process, not
 * the machine. One `sync` at a time; `write` may go on meanwhile.
 */
export class WritingSegment implements AsyncDisposable {
  readonly name: string
  readonly #segment: SpoolSegment
  /** Durable bytes; behind what is written may lie what a failed write left. */
  #size = 0
  #written = 0
  /** Written behind what is durable or being synced. */
  #parts: Buffer[] = []
  #syncing: SpoolBlock | null = null

  constructor(name: string, segment: SpoolSegment) {
    this.name = name
    this.#segment = segment
  }

  /** Durable bytes. */
  get size(): number {
    return this.#size
  }

  /** Whole frames. When it throws they are not written. */
  write(part: Buffer): void {
    this.#segment.write(part, this.#written)
    this.#written += part.length
    const last = this.#parts.at(-1)
    if (last === undefined || !isFollowedBy(last, part)) {
      this.#parts.push(part)
    } else {
      const bytes = last.length + part.length
      this.#parts[this.#parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, bytes)
    }
  }

  /** Makes durable what is written by now. */
  async sync(): Promise<SpoolBlock> {
    const block = this.#unsynced()
    this.#syncing = block
    this.#parts = []
    try {
      await this.#segment.sync()
    } catch (error) {
      this.#parts = [...block.parts, ...this.#parts]
      throw error
    } finally {
      this.#syncing = null
    }
    this.#size = block.to
    return block
  }

  /** The same at once, for the little that was written during a `sync`. */
  syncNow(): SpoolBlock {
    const block = this.#unsynced()
    this.#segment.syncNow()
    this.#size = block.to
    this.#parts = []
    return block
  }

  /** Gives back what is neither durable nor being synced: it has to be written again. */
  takeBack(): readonly Buffer[] {
    const parts = this.#parts
    this.#parts = []
    this.#written = this.#syncing?.to ?? this.#size
    return parts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#segment[Symbol.asyncDispose]()
  }

  #unsynced(): SpoolBlock {
    return { segment: this.name, from: this.#size, to: this.#written, parts: this.#parts }
  }
}

function isFollowedBy(one: Buffer, other: Buffer): boolean {
  return one.buffer === other.buffer && one.byteOffset + one.length === other.byteOffset
}
