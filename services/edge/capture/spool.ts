import type { EventHead, EventParts } from '../../../schemas/event.ts'
import type { Logger } from '../../runtime/logger.ts'
import { AppendBuffer } from './append-buffer.ts'
import type { OpenWork } from './open-work.ts'
import { SpoolError } from './spool-error.ts'
import type { SpoolFiles, SpoolSegment } from './spool-files.ts'
import { segmentName } from './spool-files.ts'
import { frameAt } from './spool-frame.ts'
import type { RecoveredSpool, SpoolPosition } from './spool-recovery.ts'
import { stateText } from './spool-recovery.ts'

export interface SpoolLimits {
  /** Bytes on disk that wait for the bus. */
  readonly maxBytes: number
  /** Kept back from `maxBytes` and from the disk, for the events that say that the rest is full. */
  readonly reserveBytes: number
  /** Bytes in memory that wait for the disk, and as many that wait for the bus. */
  readonly memoryBytes: number
  readonly segmentBytes: number
  /** The longest that an event waits for the disk when nobody asks for it. */
  readonly windowMs: number
}

export type SpoolState = 'running' | 'full' | 'failed'

/** Frames that are durable and not published: whole ones, in order. */
export interface SpoolBlock {
  readonly segment: string
  readonly from: number
  readonly to: number
  readonly parts: readonly Buffer[]
}

const retryMs = 100
const readBytes = 1 << 20

/**
 * The durable queue between recording and publishing. `append` puts an event into memory and returns; one flush at a time writes and
 * syncs what has gathered. What the disk has no room for stays in memory and is written again until it has; an error of the disk
 * itself ends the spool, since what a failed sync left behind cannot be known.
 */
export class Spool implements AsyncDisposable {
  readonly #files: SpoolFiles
  readonly #limits: SpoolLimits
  readonly #logger: Logger
  readonly #buffer = new AppendBuffer()
  readonly #blocks: SpoolBlock[] = []
  #blockBytes = 0
  readonly #sizes = new Map<string, number>()
  #current: { readonly name: string; readonly segment: SpoolSegment } | null = null
  #published: SpoolPosition | null
  #state: SpoolState = 'running'
  #cause: unknown = null
  #hasReserve = false
  #nextSeq: number
  #prev: Buffer
  readonly #open: OpenWork
  #durableSeq: number
  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> | null = null
  #waiters: { seq: number; resolve(): void; reject(error: unknown): void }[] = []
  #wake = Promise.withResolvers<undefined>()
  #isClosed = false

  constructor(files: SpoolFiles, recovered: RecoveredSpool, limits: SpoolLimits, logger: Logger) {
    this.#files = files
    this.#limits = limits
    this.#logger = logger
    this.#nextSeq = recovered.nextSeq
    this.#durableSeq = recovered.nextSeq
    this.#prev = recovered.prev
    this.#open = recovered.open
    this.#published = recovered.published
    for (const { name, size } of recovered.segments) this.#sizes.set(name, size)
  }

  /** Sets room aside. To be called before the first append. */
  async prepare(): Promise<void> {
    this.#hasReserve = await this.#files.reserve(this.#limits.reserveBytes)
  }

  get state(): SpoolState {
    return this.#state
  }

  get nextSeq(): number {
    return this.#nextSeq
  }

  /** Numbers below are on disk. */
  get durableSeq(): number {
    return this.#durableSeq
  }

  /** SHA-256 of the bytes of the newest event. */
  get prev(): Buffer {
    return this.#prev
  }

  /** Bytes that wait for the bus, on disk and in memory. */
  get waitingBytes(): number {
    return this.#diskBytes() + this.#buffer.bytes
  }

  /** Whether an event would be taken now; `spare` is for the few that may use the reserve. */
  hasRoom(spare: boolean): boolean {
    if (this.#state === 'failed' || this.#isClosed) return false
    if (spare) return this.#buffer.bytes < this.#limits.memoryBytes * 2
    if (this.#state === 'full') return false
    return (
      this.#buffer.bytes < this.#limits.memoryBytes &&
      this.waitingBytes < this.#limits.maxBytes - this.#limits.reserveBytes
    )
  }

  /** Takes an event. The caller has asked `hasRoom`; `digest` gives the hash that the next event will name. */
  append(
    key: Buffer,
    head: EventHead,
    context: Buffer,
    parts: Partial<EventParts>,
    digest: (value: Buffer) => Buffer,
  ): void {
    const value = this.#buffer.append(key, head, context, parts)
    this.#prev = digest(value)
    this.#nextSeq += 1
    this.#schedule(this.#limits.windowMs)
  }

  /** Resolves when everything taken so far is on disk. */
  durable(): Promise<void> {
    if (this.#durableSeq >= this.#nextSeq) return Promise.resolve()
    if (this.#state === 'failed') return Promise.reject(this.#failure())
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seq: this.#nextSeq, resolve, reject })
      this.#schedule(0)
    })
  }

  /** The next frames to publish, once there are some; null when the signal aborts first. */
  async next(signal: AbortSignal): Promise<SpoolBlock | null> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
    })
    for (;;) {
      const block = await this.#nextBlock()
      if (block !== null) return block
      if (signal.aborted) return null
      await Promise.race([this.#wake.promise, aborted])
    }
  }

  /** The bus has these frames: they need not be kept. */
  async published(block: SpoolBlock): Promise<void> {
    if (this.#blocks[0] === block) {
      this.#blocks.shift()
      this.#blockBytes -= block.to - block.from
    }
    this.#published = { segment: block.segment, offset: block.to }
    const done = [...this.#sizes.keys()].filter(
      (name) =>
        name < block.segment || (name === block.segment && this.#isFinished(name, block.to)),
    )
    if (done.length === 0) return
    await this.#saveState()
    for (const name of done) {
      await this.#files.remove(name)
      this.#sizes.delete(name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.durable().catch((error: unknown) => {
      this.#logger.error({ err: error }, 'the spool could not be written to its end')
    })
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#flushing
    if (this.#state !== 'failed') await this.#saveState()
    await this.#current?.segment[Symbol.asyncDispose]()
    this.#wakeReader()
  }

  #schedule(delayMs: number): void {
    if (this.#flushing !== null || this.#isClosed || this.#state === 'failed') return
    if (delayMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null
        this.#startFlush()
      }, delayMs)
      return
    }
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#startFlush()
  }

  #startFlush(): void {
    if (this.#flushing !== null) return
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null
      if (this.#waiters.length > 0) this.#schedule(0)
      else if (this.#buffer.bytes > 0) this.#schedule(this.#limits.windowMs)
    })
  }

  async #flush(): Promise<void> {
    const seq = this.#nextSeq
    const parts = this.#buffer.take()
    if (parts.length === 0) return
    try {
      const { name, segment } = await this.#segmentFor(seq)
      const from = this.#sizes.get(name) ?? 0
      let at = from
      for (const part of parts) {
        await this.#write(segment, part, at)
        at += part.length
      }
      await segment.sync()
      this.#sizes.set(name, at)
      this.#durableSeq = seq
      this.#keep({ segment: name, from, to: at, parts })
      this.#settle()
      if (this.#state === 'full') this.#running()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Writes again for as long as the disk is full; whatever was written before at this place is overwritten. */
  async #write(segment: SpoolSegment, part: Buffer, at: number): Promise<void> {
    for (;;) {
      try {
        await segment.write(part, at)
        return
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if ((code !== 'ENOSPC' && code !== 'EDQUOT') || this.#isClosed) throw error
        if (this.#state !== 'full') this.#logger.error({ code }, 'the disk of the spool is full')
        this.#state = 'full'
        if (this.#hasReserve) {
          this.#hasReserve = false
          await this.#files.releaseReserve()
        } else {
          await new Promise((resolve) => setTimeout(resolve, retryMs))
        }
      }
    }
  }

  #running(): void {
    // The state ends only when there is room for more than what was waiting.
    void this.#files.reserve(this.#limits.reserveBytes).then((hasRoom) => {
      this.#hasReserve = hasRoom
      if (hasRoom && this.#state === 'full') this.#state = 'running'
      else if (this.#state === 'full')
        setTimeout(() => {
          this.#running()
        }, retryMs).unref()
    })
  }

  async #segmentFor(seq: number): Promise<{ name: string; segment: SpoolSegment }> {
    const current = this.#current
    if (current !== null && (this.#sizes.get(current.name) ?? 0) < this.#limits.segmentBytes)
      return current
    await current?.segment[Symbol.asyncDispose]()
    const name = segmentName(seq)
    this.#current = { name, segment: await this.#files.append(name) }
    this.#sizes.set(name, 0)
    return this.#current
  }

  // In memory while there is room, so that publishing needs no reading; the rest is read again from disk.
  #keep(block: SpoolBlock): void {
    const bytes = block.to - block.from
    const last = this.#blocks.at(-1)
    const follows = last === undefined ? this.#isNext(block) : true
    if (follows && this.#blockBytes + bytes <= this.#limits.memoryBytes) {
      this.#blocks.push(block)
      this.#blockBytes += bytes
    }
    this.#published ??= { segment: block.segment, offset: block.from }
    this.#wakeReader()
  }

  #isNext(block: SpoolBlock): boolean {
    const at = this.#cursor()
    return at === null || (at.segment === block.segment && at.offset === block.from)
  }

  /** Where publishing goes on: at the published position, or at the begin of the next segment behind it. */
  #cursor(): SpoolPosition | null {
    const at = this.#published
    if (at === null) return null
    if (at.offset < (this.#sizes.get(at.segment) ?? 0)) return at
    const later = [...this.#sizes.keys()].sort().find((name) => name > at.segment)
    return later === undefined ? at : { segment: later, offset: 0 }
  }

  async #nextBlock(): Promise<SpoolBlock | null> {
    const [first] = this.#blocks
    if (first !== undefined && this.#isNext(first)) return first
    if (first !== undefined) {
      // Blocks in memory that do not follow would leave a hole.
      this.#blocks.length = 0
      this.#blockBytes = 0
    }
    const at = this.#cursor()
    if (at === null) return null
    const size = this.#sizes.get(at.segment) ?? 0
    for (let bytes = readBytes; at.offset < size; bytes *= 2) {
      const to = Math.min(at.offset + bytes, size)
      const read = await this.#files.read(at.segment, at.offset, to)
      let end = 0
      for (let frame = frameAt(read, 0); frame !== null; frame = frameAt(read, end)) end = frame.end
      if (end > 0) {
        return {
          segment: at.segment,
          from: at.offset,
          to: at.offset + end,
          parts: [read.subarray(0, end)],
        }
      }
      if (to === size)
        throw new SpoolError('SPOOL_CORRUPT', `${at.segment} is damaged at byte ${at.offset}`)
    }
    return null
  }

  #isFinished(name: string, offset: number): boolean {
    return name !== this.#current?.name && offset >= (this.#sizes.get(name) ?? 0)
  }

  #diskBytes(): number {
    const at = this.#published
    let bytes = 0
    for (const [name, size] of this.#sizes) {
      if (at === null || name > at.segment) bytes += size
      else if (name === at.segment) bytes += size - at.offset
    }
    return bytes
  }

  async #saveState(): Promise<void> {
    // Taken before the wait: all that it covers is on disk when it is written. Were it not, its numbers would become a gap.
    const text = stateText({
      nextSeq: this.#nextSeq,
      prev: this.#prev,
      open: this.#open,
      published: this.#published,
    })
    await this.durable()
    await this.#files.writeState(text)
  }

  #settle(): void {
    const waiting = this.#waiters
    this.#waiters = waiting.filter(({ seq }) => seq > this.#durableSeq)
    for (const waiter of waiting) if (waiter.seq <= this.#durableSeq) waiter.resolve()
  }

  #fail(error: unknown): void {
    this.#state = 'failed'
    this.#cause = error
    this.#logger.fatal(
      { err: error },
      'the spool cannot be written any more; restart after the disk was looked at',
    )
    for (const waiter of this.#waiters) waiter.reject(this.#failure())
    this.#waiters = []
    this.#wakeReader()
  }

  #wakeReader(): void {
    this.#wake.resolve(undefined)
    this.#wake = Promise.withResolvers<undefined>()
  }

  #failure(): SpoolError {
    return new SpoolError('SPOOL_FAILED', 'the spool cannot be written', { cause: this.#cause })
  }
}
