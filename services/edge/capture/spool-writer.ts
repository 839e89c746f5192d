import type { AppendBuffer } from './append-buffer.ts'
import type { DurableHead } from './durable-head.ts'
import { eventHash } from './event-hash.ts'
import type { SegmentCollector } from './segment-collector.ts'
import { segmentName } from './spool-files.ts'
import type { SpoolFiles } from './spool-files.ts'
import { lastFrame } from './spool-frame.ts'
import type { SpoolBlock, SpoolQueue } from './spool-queue.ts'
import { WritingSegment } from './writing-segment.ts'

export interface SpoolWriterOptions {
  readonly files: SpoolFiles
  readonly segmentBytes: number
  /** Where frames are taken from. */
  readonly buffer: AppendBuffer
  /** Gets what is durable. */
  readonly queue: SpoolQueue
  readonly durable: DurableHead
  readonly collector: SegmentCollector
}

/** Where a producer's chain stands: the number of the next event, and the hash of the newest. */
export interface SpoolHead {
  readonly seq: number
  readonly prev: Buffer
}

/**
 * Writes frames into segments, in order, and syncs them. One `writeAndSync` or `endSegment` at a time; `write` may come during either.
 * Where writing fails, `takeBack` before anything else: then it is all written again.
 */
export class SpoolWriter implements AsyncDisposable {
  readonly #options: SpoolWriterOptions
  #current: WritingSegment | null = null
  /** Made to follow the current one. */
  #next: WritingSegment | null = null
  /** Taken from the buffer and not written, in order: the disk had no room. */
  #unwritten: Buffer[] = []
  #takenBytes = 0
  /** Behind what is written. */
  #written: SpoolHead

  constructor(options: SpoolWriterOptions) {
    this.#options = options
    const { seq, prev } = options.durable
    this.#written = { seq, prev }
  }

  get currentName(): string | null {
    return this.#current?.name ?? null
  }

  /** Bytes taken from the buffer that are not durable. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** Whether `write` may be called: there is a segment, and nothing older waits for room. */
  get isReady(): boolean {
    return this.#current !== null && this.#unwritten.length === 0
  }

  /** Hands everything in the buffer, whose last event is that of `head`, to the system. */
  write(head: SpoolHead): void {
    if (this.#current !== null) this.#write(this.#current, head, false)
  }

  /**
   * Everything that is in the buffer by the time it is written shares one sync. With `isPiecemeal` it goes piece by piece, one at each
   * call: what the bus takes of it makes room for the next.
   */
  async writeAndSync(head: () => SpoolHead, isPiecemeal: boolean): Promise<void> {
    const current = await this.#segment(head, isPiecemeal)
    this.#write(current, head(), isPiecemeal)
    await this.#sync(current)
  }

  takeBack(): void {
    if (this.#current !== null) this.#unwritten.unshift(...this.#current.takeBack())
  }

  /** What a segment holds can be removed once it is ended and the bus has all of it. */
  async endSegment(): Promise<void> {
    const current = this.#current
    if (current === null || current.size === 0) return
    this.#current = null
    // A failed write may have left something behind the durable end.
    await this.#options.files.truncate(current.name, current.size)
    await current[Symbol.asyncDispose]()
    await this.#options.collector.collect()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.[Symbol.asyncDispose]()
    await this.#next?.[Symbol.asyncDispose]()
  }

  #write(current: WritingSegment, head: SpoolHead, isPiecemeal: boolean): void {
    const { buffer } = this.#options
    this.#takenBytes += buffer.bytes
    this.#unwritten.push(...buffer.take())
    for (let piece = this.#unwritten[0]; piece !== undefined; piece = this.#unwritten[0]) {
      current.write(piece)
      this.#unwritten.shift()
      if (!isPiecemeal || this.#unwritten.length === 0) continue
      const { producerSeq, value } = lastFrame([piece])
      this.#written = { seq: producerSeq + 1, prev: eventHash(value) }
      return
    }
    this.#written = head
  }

  async #sync(current: WritingSegment): Promise<void> {
    const written = this.#written
    this.#isDurable(await current.sync(), written)
  }

  #isDurable(block: SpoolBlock, { seq, prev }: SpoolHead): void {
    this.#options.durable.advance(seq, prev)
    if (block.to === block.from) return
    this.#takenBytes -= block.to - block.from
    this.#options.queue.add(block)
  }

  async #segment(head: () => SpoolHead, isPiecemeal: boolean): Promise<WritingSegment> {
    const { files, segmentBytes, durable, collector } = this.#options
    const current = this.#current
    if (current !== null && current.size < segmentBytes) return current
    if (this.#next === null) {
      const name = segmentName(durable.seq)
      this.#next = new WritingSegment(name, await files.create(name))
    }
    if (current !== null) {
      // The next one holds nothing before this one is durable: a torn end is allowed in the newest segment only. What comes during a
      // sync is little; where it could not be written, this one stays until there is room.
      this.#write(current, head(), isPiecemeal)
      await this.#sync(current)
      if (this.#unwritten.length > 0) return current
      this.#isDurable(current.syncNow(), this.#written)
    }
    const next = this.#next
    this.#current = next
    this.#next = null
    await current?.[Symbol.asyncDispose]()
    // A start after a crash then has to decode no more than the newest segment.
    if (current !== null) void collector.collect()
    return next
  }
}
