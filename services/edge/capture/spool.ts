import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import type { EventHead, EventParts } from '../../../schemas/event.ts'
import type { Logger } from '../../runtime/logger.ts'
import { AppendBuffer } from './append-buffer.ts'
import type { OpenWork, WorkStep } from './open-work.ts'
import { isOutOfRoom, SpoolError } from './spool-error.ts'
import type { SpoolFiles, SpoolSegment } from './spool-files.ts'
import { segmentName } from './spool-files.ts'
import { lastFrame } from './spool-frame.ts'
import { SpoolQueue } from './spool-queue.ts'
import type { SpoolBlock } from './spool-queue.ts'
import type { RecoveredSpool, SpoolFailure } from './spool-recovery.ts'
import { stateText } from './spool-recovery.ts'

export interface SpoolLimits {
  /** Bytes that wait for the bus, on disk and in memory. */
  readonly maxBytes: number
  /** Kept back from `maxBytes` and from the disk, for the events that say that the rest is full. */
  readonly reserveBytes: number
  /** Bytes in memory that wait for the disk, and as many that wait for the bus. */
  readonly memoryBytes: number
  readonly segmentBytes: number
  readonly maxEventBytes: number
  /** The longest that an event waits for the disk when nobody asks for it. */
  readonly windowMs: number
}

export type SpoolState = 'running' | 'full' | 'failed'

interface CurrentSegment {
  readonly name: string
  readonly segment: SpoolSegment
  /** Durable bytes; behind them may lie what a failed write left. */
  size: number
}

const roomRetryMs = 200

/**
 * The durable queue between recording and publishing. `append` puts an event into memory and returns; one flush at a time writes and
 * syncs what has gathered. What the disk has no room for stays in memory and is written again until it has; an error of the disk
 * itself ends the spool, since what a failed sync left behind cannot be known.
 */
export class Spool implements AsyncDisposable {
  readonly queue: SpoolQueue
  readonly #files: SpoolFiles
  readonly #limits: SpoolLimits
  readonly #logger: Logger
  readonly #buffer: AppendBuffer
  #state: SpoolState = 'running'
  #cause: unknown = null
  #hasReserve = false
  #current: CurrentSegment | null = null
  /** Bytes on their way to the disk. */
  #flushingBytes = 0
  #nextSeq: number
  #prev: Buffer
  // What is on disk: the newest number, its hash, and what had begun by then.
  #durableSeq: number
  #durablePrev: Buffer
  readonly #open: OpenWork
  #steps: WorkStep[] = []
  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> | null = null
  #collecting: Promise<void> = Promise.resolve()
  #noting: Promise<void> = Promise.resolve()
  #waiters: { seq: number; resolve(): void; reject(error: unknown): void }[] = []
  readonly #closed = new AbortController()

  constructor(files: SpoolFiles, recovered: RecoveredSpool, limits: SpoolLimits, logger: Logger) {
    this.#files = files
    this.#limits = limits
    this.#logger = logger
    this.#buffer = new AppendBuffer(limits.maxEventBytes)
    this.queue = new SpoolQueue(files, recovered, limits.memoryBytes)
    this.#nextSeq = recovered.nextSeq
    this.#prev = recovered.prev
    this.#durableSeq = recovered.nextSeq
    this.#durablePrev = recovered.prev
    this.#open = recovered.open
  }

  /** Sets room aside and removes what was published before. To be called before the first append. */
  async prepare(): Promise<void> {
    this.#hasReserve = await this.#files.reserve(this.#limits.reserveBytes)
    if (!this.#hasReserve) this.#state = 'full'
    await this.#collect()
    if (!this.#hasReserve) void this.#refillReserve()
  }

  get state(): SpoolState {
    return this.#state
  }

  get nextSeq(): number {
    return this.#nextSeq
  }

  /** SHA-256 of the bytes of the newest event. */
  get prev(): Buffer {
    return this.#prev
  }

  /** Sessions that have begun and not ended, as far as that is on disk. */
  get openSessions(): number {
    return this.#open.sessions.size
  }

  /** Bytes that wait for the bus, on disk and in memory. */
  get waitingBytes(): number {
    return this.queue.waitingBytes + this.#flushingBytes + this.#buffer.bytes
  }

  /** Bytes of events in memory. */
  get memoryBytes(): number {
    return this.queue.keptBytes + this.#flushingBytes + this.#buffer.bytes
  }

  /** Whether an event would be taken now; `spare` is for the few that may use the reserve. */
  hasRoom(spare: boolean): boolean {
    if (this.#state === 'failed' || this.#closed.signal.aborted) return false
    const { memoryBytes, maxBytes, reserveBytes } = this.#limits
    const inMemory = this.#flushingBytes + this.#buffer.bytes
    if (spare) return inMemory < memoryBytes * 2 && this.waitingBytes < maxBytes
    return (
      this.#state === 'running' &&
      inMemory < memoryBytes &&
      this.queue.waitingBytes + inMemory < maxBytes - reserveBytes
    )
  }

  /** Takes an event, for which the caller has found room. False when it is too large. `step` is what it begins or ends. */
  append(
    key: Buffer,
    head: EventHead,
    context: Buffer,
    parts: Partial<EventParts>,
    step: WorkStep | null,
  ): boolean {
    const value = this.#buffer.append(key, head, context, parts)
    if (value === null) return false
    this.#prev = sha256(value)
    this.#nextSeq += 1
    if (step !== null) this.#steps.push(step)
    if (this.#timer === null) this.#schedule(this.#limits.windowMs)
    return true
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

  /** The bus has these frames: they need not be kept. */
  async published(block: SpoolBlock): Promise<void> {
    this.queue.markPublished(block)
    if (this.queue.finished(this.#current?.name ?? null).length > 0) await this.#collect()
  }

  /** Keeps for the next start what this process could not record any more. Best effort: the disk has failed. */
  keepFailure(counts: Pick<SpoolFailure, 'refused' | 'unrecorded'>): void {
    const { code = 'unknown' } = this.#cause as NodeJS.ErrnoException
    const failure: SpoolFailure = { code, lost: this.#nextSeq - this.#durableSeq, ...counts }
    this.#noting = this.#noting
      .then(() => this.#files.writeFailure(JSON.stringify(failure)))
      .catch((error: unknown) => {
        this.#logger.warn({ err: error }, 'the failure of the spool could not be noted on its disk')
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.durable().catch((error: unknown) => {
      this.#logger.error({ err: error }, 'the spool could not be written to its end')
    })
    this.#closed.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#flushing
    await this.#collecting
    if (this.#state !== 'failed')
      await this.#saveState().catch((error: unknown) => this.#fail(error))
    await this.#noting
    await this.#current?.segment[Symbol.asyncDispose]()
    this.queue.wake()
  }

  #schedule(delayMs: number): void {
    if (this.#flushing !== null || this.#closed.signal.aborted || this.#state === 'failed') return
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
    if (this.#flushing === null) this.#holdFlushes(this.#flush())
  }

  /** One at a time writes to the segments. */
  #holdFlushes(work: Promise<void>): void {
    this.#flushing = work
      .catch((error: unknown) => {
        this.#fail(error)
      })
      .finally(() => {
        this.#flushing = null
        if (this.#waiters.length > 0) this.#schedule(0)
        else if (this.#buffer.bytes > 0) this.#schedule(this.#limits.windowMs)
      })
  }

  async #flush(): Promise<void> {
    const seq = this.#nextSeq
    const prev = this.#prev
    this.#flushingBytes = this.#buffer.bytes
    let rest = this.#buffer.take()
    while (rest.length > 0) {
      // With room everything shares one sync. Without, it goes piece by piece: what the bus takes of it makes room for the next.
      const now = this.#state === 'full' ? rest.slice(0, 1) : rest
      try {
        const block = await this.#write(now)
        rest = rest.slice(now.length)
        if (rest.length === 0) {
          this.#isOnDisk(seq, prev)
        } else {
          const last = lastFrame(now)
          this.#isOnDisk(last.producerSeq + 1, sha256(last.value))
        }
        this.#flushingBytes -= block.to - block.from
        this.queue.add(block)
      } catch (error) {
        if (!isOutOfRoom(error) || this.#closed.signal.aborted) throw error
        await this.#makeRoom(error)
      }
    }
  }

  #isOnDisk(nextSeq: number, prev: Buffer): void {
    this.#durableSeq = nextSeq
    this.#durablePrev = prev
    const steps = this.#steps
    const end = steps.findIndex(({ seq }) => seq >= nextSeq)
    this.#steps = end < 0 ? [] : steps.slice(end)
    for (const step of end < 0 ? steps : steps.slice(0, end)) this.#open.note(step)
    if (this.#waiters.length === 0) return
    const waiting = this.#waiters
    this.#waiters = waiting.filter((waiter) => waiter.seq > nextSeq)
    for (const waiter of waiting) if (waiter.seq <= nextSeq) waiter.resolve()
  }

  async #write(parts: readonly Buffer[]): Promise<SpoolBlock> {
    const current = await this.#segment()
    const from = current.size
    let to = from
    for (const part of parts) {
      await current.segment.write(part, to)
      to += part.length
    }
    await current.segment.sync()
    current.size = to
    return { segment: current.name, from, to, parts }
  }

  async #segment(): Promise<CurrentSegment> {
    if (this.#current !== null && this.#current.size < this.#limits.segmentBytes) {
      return this.#current
    }
    const isNext = this.#current !== null
    await this.#current?.segment[Symbol.asyncDispose]()
    this.#current = null
    const name = segmentName(this.#durableSeq)
    this.#current = { name, segment: await this.#files.create(name), size: 0 }
    // A start after a crash then has to decode no more than the newest segment.
    if (isNext) void this.#collect()
    return this.#current
  }

  /**
   * The disk is full: gives up the reserve, then waits. What the bus already has can only be removed with its segment, so the
   * current one is ended.
   */
  async #makeRoom(error: unknown): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'full'
      this.#logger.error(
        { code: (error as NodeJS.ErrnoException).code },
        'the disk of the spool is full: free some room',
      )
    }
    if (this.#hasReserve) {
      this.#hasReserve = false
      await this.#files.releaseReserve()
      void this.#refillReserve()
      return
    }
    for (const waiter of this.#waiters) {
      waiter.reject(new SpoolError('SPOOL_FULL', 'the disk of the spool is full', { cause: error }))
    }
    this.#waiters = []
    await this.#endSegment()
    await pause(roomRetryMs)
  }

  /** What a segment holds can be removed once it is ended and the bus has all of it. */
  async #endSegment(): Promise<void> {
    const current = this.#current
    if (current === null || current.size === 0) return
    this.#current = null
    // A failed write may have left something behind the durable end.
    await this.#files.truncate(current.name, current.size)
    await current.segment[Symbol.asyncDispose]()
    await this.#collect()
  }

  /** Events are taken again when there is room for more than what was waiting. */
  async #refillReserve(): Promise<void> {
    while (this.#isWaitingForRoom()) {
      await pause(roomRetryMs)
      if (this.#flushing !== null) continue
      this.#hasReserve = await this.#files.reserve(this.#limits.reserveBytes)
      if (this.#hasReserve && this.#isWaitingForRoom()) this.#state = 'running'
      else this.#startEnding()
    }
  }

  #startEnding(): void {
    if (this.#flushing === null) this.#holdFlushes(this.#endSegment())
  }

  #isWaitingForRoom(): boolean {
    return this.#state === 'full' && !this.#closed.signal.aborted
  }

  /** Keeps the state of what is durable, then removes the segments that it stands in for. One at a time. */
  #collect(): Promise<void> {
    this.#collecting = this.#collecting.then(async () => {
      if (this.#state === 'failed') return
      try {
        await this.#saveState()
        for (const name of this.queue.finished(this.#current?.name ?? null)) {
          await this.#files.remove(name)
          this.queue.forget(name)
        }
      } catch (error) {
        if (isOutOfRoom(error)) this.#logger.warn({ err: error }, 'segments are kept: no room')
        else this.#fail(error)
      }
    })
    return this.#collecting
  }

  #saveState(): Promise<void> {
    const text = stateText({
      nextSeq: this.#durableSeq,
      prev: this.#durablePrev,
      open: this.#open,
      published: this.queue.publishedAt,
    })
    return this.#files.writeState(text)
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#cause = error
    this.#logger.fatal(
      { err: error, events: this.#nextSeq - this.#durableSeq },
      'the spool cannot be written any more and takes nothing; look into the disk, then restart',
    )
    for (const waiter of this.#waiters) waiter.reject(this.#failure())
    this.#waiters = []
    this.keepFailure({ refused: 0, unrecorded: 0 })
  }

  #failure(): SpoolError {
    return new SpoolError('SPOOL_FAILED', 'the spool cannot be written', { cause: this.#cause })
  }
}

function sha256(value: Buffer): Buffer {
  // By way of a string: half the time of asking for a Buffer.
  return Buffer.from(hash('sha256', value, 'binary'), 'latin1')
}
