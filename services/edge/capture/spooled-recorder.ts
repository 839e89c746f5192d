import { mkdir } from 'node:fs/promises'

import { decodeContext, encodeContext, schemaId } from '../../../schemas/codec.ts'
import { ownContext } from '../../../schemas/event.ts'
import type { EventContext, EventHead } from '../../../schemas/event.ts'
import type { EventType, ProducerRole } from '../../../schemas/event-types.ts'
import type { Bus } from '../../bus/bus.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { SigningKey } from '../../runtime/key-file.ts'
import type { Logger } from '../../runtime/logger.ts'
import { unknownCompletion, unknownEnd } from './cut-off-work.ts'
import { EdgeReports } from './edge-reports.ts'
import { EventIds } from './event-ids.ts'
import { isWorkStep } from './open-work.ts'
import { PublishedHead } from './published-head.ts'
import { publish } from './publisher.ts'
import { Rest } from './rest.ts'
import type { EventDraft, RecordOutcome, RecordScope, Recorder } from './recorder.ts'
import { Spool } from './spool.ts'
import { inDirectory } from './spool-error.ts'
import type { SpoolLimits } from './spool.ts'
import { directoryFiles } from './spool-files.ts'
import type { SpoolFiles } from './spool-files.ts'
import { recoverSpool } from './spool-recovery.ts'
import type { RecoveredSpool } from './spool-recovery.ts'

export interface RecorderOptions {
  readonly producer: string
  /** Holds the spool of this producer and nothing else; one process at a time may have it. */
  readonly directory: string
  readonly tenant: string
  readonly version: string
  /** Signs the producer's chain. */
  readonly key: SigningKey
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  /** What this producer is, and so which types it can report, as `edge.started` says (AU-2a). Without one: every type. */
  readonly role?: ProducerRole
  /** The longest that an event waits for the disk when nobody asks. Default 20 ms. */
  readonly windowMs?: number
  /**
   * Each request to the bus costs a sync there and its readers a transaction, whatever its size: so long after one, events go together.
   * Those after a longer silence, much, and what somebody waits for go at once. Default 100 ms.
   */
  readonly paceMs?: number
  /** Default 10 s. */
  readonly heartbeatMs?: number
  /** How long disposing waits for the bus. Default 5 s. */
  readonly closeMs?: number
  /** Default 1 GiB. */
  readonly maxSpoolBytes?: number
  /** For tests. Default: the directory. */
  readonly files?: SpoolFiles
}

/** What a recorder says of itself. */
export interface RecorderStats {
  readonly state: 'running' | 'degraded' | 'failed'
  /** Events and bytes that the bus has not acknowledged: the lag. */
  readonly spoolEvents: number
  readonly spoolBytes: number
  /** Of these, bytes in memory. */
  readonly memoryBytes: number
  /** Since the start. */
  readonly recorded: number
  readonly notTaken: number
  readonly published: number
}

const mebibyte = 1_048_576

/**
 * Opens the recorder of one producer: recovers its spool, says what was cut off by a crash, and begins to publish. The chain of the
 * producer goes on where it was.
 */
export async function openRecorder(options: RecorderOptions): Promise<SpooledRecorder> {
  const { directory, logger } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const files = options.files ?? directoryFiles(directory)
  const recovered = await recoverSpool(files, options.producer).catch((error: unknown) => {
    throw inDirectory(error, directory)
  })
  if (recovered.cutBytes > 0) {
    logger.warn({ bytes: recovered.cutBytes }, 'the end of the spool was torn, and was cut off')
  }
  const maxBytes = options.maxSpoolBytes ?? 1024 * mebibyte
  const limits: SpoolLimits = {
    maxBytes,
    reserveBytes: mebibyte,
    memoryBytes: 16 * mebibyte,
    segmentBytes: Math.min(16 * mebibyte, Math.max(mebibyte, Math.floor(maxBytes / 16))),
    maxEventBytes: 4 * mebibyte,
    windowMs: options.windowMs ?? 20,
  }
  const spool = new Spool(files, recovered, limits, logger)
  await spool.prepare()
  const recorder = new SpooledRecorder(options, spool, recovered)
  if (recovered.failure === null) {
    // From here on there is a segment that events can be written to at once; without room for one, it goes on as on a full disk.
    await spool.durable().catch(() => undefined)
  } else {
    await spool.durable()
    await files.clearFailure()
  }
  return recorder
}

export class SpooledRecorder implements Recorder, AsyncDisposable {
  readonly producer: string
  readonly #options: RecorderOptions
  readonly #spool: Spool
  readonly #reports: EdgeReports
  readonly #ids = new EventIds()
  readonly #stop = new AbortController()
  readonly #rest = new Rest()
  readonly #publishing: Promise<void>
  readonly #firstSeq: number
  readonly #published: PublishedHead
  #endOfTurn: (() => void)[] = []
  #notTaken = 0
  #isClosed = false

  constructor(options: RecorderOptions, spool: Spool, recovered: RecoveredSpool) {
    this.#options = options
    this.producer = options.producer
    this.#spool = spool
    this.#firstSeq = spool.nextSeq
    this.#published = new PublishedHead(recovered.publishedSeq)
    const own = new Scope(this, ownContext(options.tenant))
    this.#reports = new EdgeReports({
      producer: options.producer,
      version: options.version,
      role: options.role ?? null,
      windowMs: options.windowMs ?? 20,
      heartbeatMs: options.heartbeatMs ?? 10_000,
      key: options.key,
      spool,
      record: (draft, spare) => this.#append(own, draft, spare).ok,
      waitingEvents: () => this.#waitingEvents,
    })
    this.#closeOpenWork(recovered)
    if (recovered.failure !== null) this.#reports.failedBefore(recovered.failure)
    this.#reports.started()
    this.#reports.start()
    this.#publishing = this.#publish()
  }

  scope(context: EventContext): RecordScope {
    return new Scope(this, context)
  }

  writeOut(): void {
    this.#spool.writeOut()
  }

  afterWriteOut(then: () => void): void {
    if (this.#endOfTurn.push(then) > 1) return
    setImmediate(() => {
      const waiting = this.#endOfTurn
      this.#endOfTurn = []
      this.#spool.writeOut()
      for (const each of waiting) each()
    })
  }

  durable(): Promise<void> {
    return this.#spool.durable()
  }

  published(signal?: AbortSignal): Promise<void> {
    const reached = this.#published.reached(this.#spool.nextSeq, signal)
    this.#rest.end()
    // Nothing is published before it is durable, so do not wait for the window.
    this.#spool.durable().catch((error: unknown) => {
      if (this.#spool.state === 'failed') this.#published.turnAway(error)
    })
    return reached
  }

  noteUnrecorded(): void {
    this.#reports.unrecorded()
  }

  /** Signs the newest event now, as it happens by itself at the end of a session and once a second. */
  seal(): void {
    this.#reports.seal()
  }

  stats(): RecorderStats {
    const { state, waitingBytes, memoryBytes, nextSeq } = this.#spool
    return {
      state: state === 'failed' ? 'failed' : this.#reports.isDegraded ? 'degraded' : 'running',
      spoolEvents: this.#waitingEvents,
      spoolBytes: waitingBytes,
      memoryBytes,
      recorded: nextSeq - this.#firstSeq,
      notTaken: this.#notTaken,
      published: this.#published.count,
    }
  }

  /** Takes an event of a scope; see `RecordScope.record`. */
  take(scope: Scope, draft: EventDraft): RecordOutcome {
    const outcome = this.#append(scope, draft, false)
    if (!outcome.ok) {
      this.#notTaken += 1
      this.#reports.notTaken(!isAnswer(draft.type))
    } else if (draft.type === 'session.ended') {
      this.#reports.seal()
    }
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#reports.stopped()
    this.#isClosed = true
    const enough = deadline(this.#options.closeMs ?? 5_000)
    // What the bus does not take in this time waits in the spool for the next start.
    await this.published(enough.signal).catch(() => {
      this.#options.logger.warn(
        { events: this.#waitingEvents },
        'events wait in the spool for the next start',
      )
    })
    this.#stop.abort()
    // A request that the bus does not answer must not hold up the end; when it is answered later, that only means a repeat.
    await Promise.race([this.#publishing, enough.passed])
    enough.clear()
    await this.#spool[Symbol.asyncDispose]()
  }

  get #waitingEvents(): number {
    return this.#spool.nextSeq - this.#published.seq
  }

  #append(scope: Scope, draft: EventDraft, spare: boolean): RecordOutcome {
    const spool = this.#spool
    if (this.#isClosed) return closed
    if (!spool.hasRoom(spare)) return spool.state === 'failed' ? spoolFailed : spoolFull
    const producerSeq = spool.nextSeq
    const requestId = draft.request_id ?? null
    const head: EventHead = {
      id: this.#ids.next(this.#options.clock.nowMs()),
      type: draft.type,
      schema_version: schemaId,
      occurred_at: draft.occurred_at ?? this.#options.clock.nowUs(),
      producer: this.producer,
      producer_seq: producerSeq,
      prev: spool.prev,
      request_id: requestId,
    }
    const { encoded } = scope
    const sessionId = scope.context.session_id
    const step =
      sessionId !== null && isWorkStep(draft.type)
        ? { seq: producerSeq, type: draft.type, sessionId, requestId, context: encoded }
        : null
    if (!spool.append(scope.key, head, encoded, draft, step)) return tooLarge
    return { ok: true, producerSeq }
  }

  async #publish(): Promise<void> {
    const { bus, logger } = this.#options
    try {
      const { producer } = bus
      const onPublished = (throughSeq: number): void => this.#published.advance(throughSeq + 1)
      const isAwaited = (): boolean => this.#published.isAwaited
      const rest = this.#rest
      const paceMs = this.#options.paceMs ?? 100
      const options = { spool: this.#spool, producer, logger, onPublished, paceMs, isAwaited, rest }
      await publish(options, this.#stop.signal)
    } catch (error) {
      logger.fatal({ err: error }, 'publishing ended; events wait in the spool')
      this.#reports.publishingEnded('events are not published any more: the spool cannot be read')
    }
  }

  /** What a crash cut off: each request gets its completion, each session its end, and says that nobody knows how it went. */
  #closeOpenWork({ open }: RecoveredSpool): void {
    for (const [sessionId, { context, requests }] of open.sessions) {
      const scope = new Scope(this, decodeContext(context))
      for (const requestId of requests) {
        this.#append(
          scope,
          { type: 'request.completed', request_id: requestId, completion: unknownCompletion },
          true,
        )
      }
      this.#append(scope, { type: 'session.ended', session: unknownEnd }, true)
      this.#options.logger.warn(
        { session: sessionId, requests: requests.size },
        'a session was cut off by a crash',
      )
    }
  }
}

class Scope implements RecordScope {
  readonly context: EventContext
  /** The context's bytes, spliced into each event. */
  readonly encoded: Buffer
  readonly key: Buffer
  readonly #recorder: SpooledRecorder

  constructor(recorder: SpooledRecorder, context: EventContext) {
    this.#recorder = recorder
    this.context = context
    this.encoded = encodeContext(context)
    this.key = Buffer.from(context.session_id ?? recorder.producer)
  }

  record(draft: EventDraft): RecordOutcome {
    return this.#recorder.take(this, draft)
  }
}

const spoolFull = { ok: false, reason: 'spool_full' } as const
const spoolFailed = { ok: false, reason: 'spool_failed' } as const
const tooLarge = { ok: false, reason: 'event_too_large' } as const
const closed = { ok: false, reason: 'closed' } as const

/** Events that follow a request and are not one. */
function isAnswer(type: EventType): boolean {
  return (
    type === 'request.completed' ||
    type === 'request.decided' ||
    type === 'response.recorded' ||
    type === 'session.ended'
  )
}

/** Unlike `AbortSignal.timeout` it keeps the process alive: what waits for it must not be cut off. */
function deadline(ms: number): { signal: AbortSignal; passed: Promise<void>; clear(): void } {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => {
    controller.abort()
    resolve(undefined)
  }, ms)
  return {
    signal: controller.signal,
    passed: promise,
    clear: () => {
      clearTimeout(timer)
    },
  }
}
