import { setTimeout as pause } from 'node:timers/promises'

import type { EventHead, EventParts } from '../../../schemas/event.ts'
import type { Logger } from '../../runtime/logger.ts'
import { AppendBuffer } from './append-buffer.ts'
import { DurableHead } from './durable-head.ts'
import type { WorkStep } from './open-work.ts'
import { SegmentCollector } from './segment-collector.ts'
import { eventHash } from './event-hash.ts'
import { isOutOfRoom, SpoolError } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import { SpoolQueue } from './spool-queue.ts'
import type { SpoolBlock } from './spool-queue.ts'
import type { RecoveredSpool, SpoolFailure } from './spool-recovery.ts'
import { SpoolWriter } from './spool-writer.ts'
import type { SpoolHead } from './spool-writer.ts'

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
 * How often it is kept what the bus has. After a crash the events since are sent again; a ledger tells repeats only as long as it remembers
 * the first ones.
 */
const keepPublishedMs = 1000

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
  #nextSeq: number
  #prev: Buffer
  readonly #durable: DurableHead
  readonly #writer: SpoolWriter
  readonly #collector: SegmentCollector
  #timer: NodeJS.Timeout | null = null
  #isFlushPlanned = false
  #flushing: Promise<void> | null = null
  #noting: Promise<void> = Promise.resolve()
  readonly #closed = new AbortController()
  #keptPublishedAtMs = performance.now()

  constructor(files: SpoolFiles, recovered: RecoveredSpool, limits: SpoolLimits, logger: Logger) {
    this.#files = files
    this.#limits = limits
    this.#logger = logger
    this.#buffer = new AppendBuffer(limits.maxEventBytes)
    this.queue = new SpoolQueue(files, recovered, limits.memoryBytes)
    this.#nextSeq = recovered.nextSeq
    this.#prev = recovered.prev
    this.#durable = new DurableHead(recovered)
    this.#collector = new SegmentCollector({
      files,
      queue: this.queue,
      durable: this.#durable,
      logger,
      current: () => this.#writer.currentName,
      onFault: (error) => this.#fail(error),
    })
    this.#writer = new SpoolWriter({
      files,
      segmentBytes: limits.segmentBytes,
      buffer: this.#buffer,
      queue: this.queue,
      durable: this.#durable,
      collector: this.#collector,
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
    return this.queue.waitingBytes + this.#inMemory
  }

  /** Bytes of events in memory. */
  get memoryBytes(): number {
    return this.queue.keptBytes + this.#inMemory
  }

  /** Whether an event would be taken now; `spare` is for the few that may use the reserve. */
  hasRoom(spare: boolean): boolean {
    if (this.#state === 'failed' || this.#closed.signal.aborted) return false
    const { memoryBytes, maxBytes, reserveBytes } = this.#limits
    const inMemory = this.#inMemory
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
    this.#prev = eventHash(value)
    this.#nextSeq += 1
    if (step !== null) this.#durable.add(step)
    if (this.#timer === null) this.#schedule(this.#limits.windowMs)
    return true
  }

  /**
   * Hands everything taken so far to the system, at once: then it outlives this process. It does not while the disk has no room.
   */
  writeOut(): void {
    if (this.#buffer.bytes === 0 || this.#state !== 'running' || !this.#writer.isReady) return
    try {
      this.#writer.write(this.#head)
    } catch (error) {
      this.#writer.takeBack()
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
    const nowMs = performance.now()
    if (this.queue.finished(this.#writer.currentName).length > 0) await this.#collector.collect()
    else if (nowMs - this.#keptPublishedAtMs >= keepPublishedMs) void this.#collector.collect()
    else return
    this.#keptPublishedAtMs = nowMs
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
    await this.#writer[Symbol.asyncDispose]()
    this.queue.wake()
  }

  /** Bytes that are not on disk. */
  get #inMemory(): number {
    return this.#writer.takenBytes + this.#buffer.bytes
  }

  get #head(): SpoolHead {
    return { seq: this.#nextSeq, prev: this.#prev }
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
        await this.#writer.writeAndSync(() => this.#head, this.#state === 'full')
      } catch (error) {
        if (!isOutOfRoom(error) || this.#closed.signal.aborted) throw error
        this.#writer.takeBack()
        await this.#makeRoom(error)
      }
    }
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
    await this.#writer.endSegment()
    await pause(roomRetryMs)
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
    if (this.#flushing === null) this.#holdFlushes(this.#writer.endSegment())
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
