import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import type { EventHead, EventParts } from '../../../schemas/event.ts'
import type { Logger } from '../../runtime/logger.ts'
import { AppendBuffer } from './append-buffer.ts'
import { DurableHead } from './durable-head.ts'
import type { WorkStep } from './open-work.ts'
import { SegmentCollector } from './segment-collector.ts'
import { isOutOfRoom, SpoolError } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import { segmentName } from './spool-files.ts'
import { lastFrame } from './spool-frame.ts'
import { SpoolQueue } from './spool-queue.ts'
import type { SpoolBlock } from './spool-queue.ts'
import type { RecoveredSpool, SpoolFailure } from './spool-recovery.ts'
import { WritingSegment } from './writing-segment.ts'

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

const roomRetryMs = 200

/**
 * The durable queue between recording and publishing. `append` puts an event into memory and returns, `writeOut` hands what has
 * gathered to the system, and one flush at a time syncs it. What the disk has no room for stays in memory and is written again until
 * it has; an error of the disk itself ends the spool, since what a failed sync left behind cannot be known.
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
  #current: WritingSegment | null = null
  /** Made to follow the current one. */
  #next: WritingSegment | null = null
  /** Taken from the buffer and not written, in order: the disk had no room. */
  #unwritten: Buffer[] = []
  /** Bytes taken from the buffer that are not durable. */
  #takenBytes = 0
  #nextSeq: number
  #prev: Buffer
  /** Behind what is written, and the hash there. */
  #writtenSeq: number
  #writtenPrev: Buffer
  readonly #durable: DurableHead
  readonly #collector: SegmentCollector
  #timer: NodeJS.Timeout | null = null
  #isFlushPlanned = false
  #flushing: Promise<void> | null = null
  #noting: Promise<void> = Promise.resolve()
  readonly #closed = new AbortController()

  constructor(files: SpoolFiles, recovered: RecoveredSpool, limits: SpoolLimits, logger: Logger) {
    this.#files = files
    this.#limits = limits
    this.#logger = logger
    this.#buffer = new AppendBuffer(limits.maxEventBytes)
    this.queue = new SpoolQueue(files, recovered, limits.memoryBytes)
    this.#nextSeq = recovered.nextSeq
    this.#prev = recovered.prev
    this.#writtenSeq = recovered.nextSeq
    this.#writtenPrev = recovered.prev
    this.#durable = new DurableHead(recovered)
    this.#collector = new SegmentCollector({
      files,
      queue: this.queue,
      durable: this.#durable,
      logger,
      current: () => this.#current?.name ?? null,
      onFault: (error) => this.#fail(error),
    })
  }

  /** Sets room aside and removes what was published before. To be called before the first append. */
  async prepare(): Promise<void> {
    this.#hasReserve = await this.#files.reserve(this.#limits.reserveBytes)
    if (!this.#hasReserve) this.#state = 'full'
    await this.#collector.collect()
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
    return this.#durable.open.sessions.size
  }

  /** Bytes that wait for the bus, on disk and in memory. */
  get waitingBytes(): number {
    return this.queue.waitingBytes + this.#takenBytes + this.#buffer.bytes
  }

  /** Bytes of events in memory. */
  get memoryBytes(): number {
    return this.queue.keptBytes + this.#takenBytes + this.#buffer.bytes
  }

  /** Whether an event would be taken now; `spare` is for the few that may use the reserve. */
  hasRoom(spare: boolean): boolean {
    if (this.#state === 'failed' || this.#closed.signal.aborted) return false
    const { memoryBytes, maxBytes, reserveBytes } = this.#limits
    const inMemory = this.#takenBytes + this.#buffer.bytes
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
    if (step !== null) this.#durable.add(step)
    if (this.#timer === null) this.#schedule(this.#limits.windowMs)
    return true
  }

  /**
   * Hands everything taken so far to the system, at once: then it outlives this process. It does not while the disk has no room.
   */
  writeOut(): void {
    if (this.#current === null || this.#unwritten.length > 0 || this.#state !== 'running') return
    if (this.#buffer.bytes === 0) return
    try {
      this.#write(this.#current)
    } catch (error) {
      this.#takeBack()
      // The flush meets it again, and makes room.
      if (isOutOfRoom(error)) this.#schedule(0)
      else this.#fail(error)
    }
  }

  /** Resolves when everything taken so far is on disk. */
  durable(): Promise<void> {
    if (this.#durable.seq >= this.#nextSeq) return Promise.resolve()
    if (this.#state === 'failed') return Promise.reject(this.#failure())
    const reached = this.#durable.reached(this.#nextSeq)
    this.#schedule(0)
    return reached
  }

  /** The bus has these frames: they need not be kept. */
  async published(block: SpoolBlock): Promise<void> {
    this.queue.markPublished(block)
    if (this.queue.finished(this.#current?.name ?? null).length > 0) await this.#collector.collect()
  }

  /** Keeps for the next start what this process could not record any more. Best effort: the disk has failed. */
  keepFailure(counts: Pick<SpoolFailure, 'refused' | 'unrecorded'>): void {
    const { code = 'unknown' } = this.#cause as NodeJS.ErrnoException
    const failure: SpoolFailure = { code, lost: this.#nextSeq - this.#durable.seq, ...counts }
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
    await this.#collector.settled()
    if (this.#state !== 'failed')
      await this.#collector.saveState().catch((error: unknown) => this.#fail(error))
    await this.#noting
    await this.#current?.[Symbol.asyncDispose]()
    await this.#next?.[Symbol.asyncDispose]()
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
    if (this.#isFlushPlanned) return
    // What else this turn of the event loop records shares the sync.
    this.#isFlushPlanned = true
    setImmediate(() => {
      this.#isFlushPlanned = false
      if (this.#timer !== null) clearTimeout(this.#timer)
      this.#timer = null
      this.#startFlush()
    })
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
        if (this.#durable.isAwaited) this.#schedule(0)
        else if (this.#buffer.bytes > 0) this.#schedule(this.#limits.windowMs)
      })
  }

  async #flush(): Promise<void> {
    const seq = this.#nextSeq
    while (this.#durable.seq < seq) {
      try {
        const current = await this.#segment()
        this.#write(current)
        await this.#sync(current)
      } catch (error) {
        if (!isOutOfRoom(error) || this.#closed.signal.aborted) throw error
        this.#takeBack()
        await this.#makeRoom(error)
      }
    }
  }

  /** With room everything shares one sync. Without, it goes piece by piece: what the bus takes of it makes room for the next. */
  #write(current: WritingSegment): void {
    this.#takenBytes += this.#buffer.bytes
    this.#unwritten.push(...this.#buffer.take())
    for (let piece = this.#unwritten[0]; piece !== undefined; piece = this.#unwritten[0]) {
      current.write(piece)
      this.#unwritten.shift()
      if (this.#state !== 'full' || this.#unwritten.length === 0) continue
      const { producerSeq, value } = lastFrame([piece])
      this.#writtenSeq = producerSeq + 1
      this.#writtenPrev = sha256(value)
      return
    }
    this.#writtenSeq = this.#nextSeq
    this.#writtenPrev = this.#prev
  }

  #takeBack(): void {
    if (this.#current !== null) this.#unwritten.unshift(...this.#current.takeBack())
  }

  async #sync(current: WritingSegment): Promise<void> {
    const [seq, prev] = [this.#writtenSeq, this.#writtenPrev]
    this.#isDurable(await current.sync(), seq, prev)
  }

  #isDurable(block: SpoolBlock, nextSeq: number, prev: Buffer): void {
    this.#durable.advance(nextSeq, prev)
    if (block.to === block.from) return
    this.#takenBytes -= block.to - block.from
    this.queue.add(block)
  }

  async #segment(): Promise<WritingSegment> {
    const current = this.#current
    if (current !== null && current.size < this.#limits.segmentBytes) return current
    if (this.#next === null) {
      const name = segmentName(this.#durable.seq)
      this.#next = new WritingSegment(name, await this.#files.create(name))
    }
    if (current !== null) {
      // The next one holds nothing before this one is durable: a torn end is allowed in the newest segment only. What comes during a
      // sync is little; where it could not be written, this one stays until there is room.
      this.#write(current)
      await this.#sync(current)
      if (this.#unwritten.length > 0) return current
      this.#isDurable(current.syncNow(), this.#writtenSeq, this.#writtenPrev)
    }
    const next = this.#next
    this.#current = next
    this.#next = null
    await current?.[Symbol.asyncDispose]()
    // A start after a crash then has to decode no more than the newest segment.
    if (current !== null) void this.#collector.collect()
    return next
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
    this.#durable.turnAway(
      new SpoolError('SPOOL_FULL', 'the disk of the spool is full', { cause: error }),
    )
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
    await current[Symbol.asyncDispose]()
    await this.#collector.collect()
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

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#collector.stop()
    this.#cause = error
    this.#logger.fatal(
      { err: error, events: this.#nextSeq - this.#durable.seq },
      'the spool cannot be written any more and takes nothing; look into the disk, then restart',
    )
    this.#durable.turnAway(this.#failure())
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
