import { hash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'

import { decodeContext, encodeContext, schemaId } from '../../../schemas/codec.ts'
import { eventTypes } from '../../../schemas/event.ts'
import type {
  CompletionPart,
  EdgePart,
  EventContext,
  EventHead,
  SessionPart,
} from '../../../schemas/event.ts'
import type { Bus } from '../../bus/bus.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { SigningKey } from '../../runtime/key-file.ts'
import type { Logger } from '../../runtime/logger.ts'
import { EventIds } from './event-ids.ts'
import type { OpenWork } from './open-work.ts'
import { publish } from './publisher.ts'
import type { EventDraft, RecordOutcome, RecordScope, Recorder } from './recorder.ts'
import { sealPart } from './seal.ts'
import { Spool } from './spool.ts'
import type { SpoolLimits } from './spool.ts'
import { directoryFiles } from './spool-files.ts'
import type { SpoolFiles } from './spool-files.ts'
import { recoverSpool } from './spool-recovery.ts'
import type { RecoveredSpool } from './spool-recovery.ts'

export interface RecorderOptions {
  readonly producer: string
  /** Holds the spool of this producer and nothing else. */
  readonly directory: string
  readonly tenant: string
  readonly version: string
  /** Signs the producer's chain. */
  readonly key: SigningKey
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  /** The longest that an event waits for the disk when nobody asks. Default 20 ms. */
  readonly windowMs?: number
  /** Default 10 s. */
  readonly heartbeatMs?: number
  /** Default 1 GiB. */
  readonly maxSpoolBytes?: number
  /** For tests. Default: the directory. */
  readonly files?: SpoolFiles
}

/** What a recorder says of itself. */
export interface RecorderStats {
  readonly state: 'running' | 'degraded' | 'failed'
  /** Events and bytes that the bus has not acknowledged. */
  readonly spoolEvents: number
  readonly spoolBytes: number
  readonly recorded: number
  /** Events that were not taken, since the start. */
  readonly notTaken: number
}

const sealMs = 1_000
const closeMs = 5_000
const mebibyte = 1_048_576

/**
 * Opens the recorder of one producer: recovers its spool, says what was cut off by a crash, and begins to publish. The chain of the
 * producer goes on where it was.
 */
export async function openRecorder(options: RecorderOptions): Promise<SpooledRecorder> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const files = options.files ?? directoryFiles(options.directory)
  const recovered = await recoverSpool(files)
  const limits: SpoolLimits = {
    maxBytes: options.maxSpoolBytes ?? 1024 * mebibyte,
    reserveBytes: mebibyte,
    memoryBytes: 32 * mebibyte,
    segmentBytes: 16 * mebibyte,
    windowMs: options.windowMs ?? 20,
  }
  const spool = new Spool(files, recovered, limits, options.logger)
  await spool.prepare()
  return new SpooledRecorder(options, spool, recovered)
}

export class SpooledRecorder implements Recorder, AsyncDisposable {
  readonly producer: string
  readonly #options: RecorderOptions
  readonly #spool: Spool
  readonly #open: OpenWork
  readonly #ids = new EventIds()
  readonly #own: Scope
  readonly #stop = new AbortController()
  readonly #publishing: Promise<void>
  readonly #timers: NodeJS.Timeout[]
  #publishedSeq: number
  #publishWaiters: { seq: number; resolve(): void }[] = []
  #sealedSeq: number
  #recorded = 0
  #notTaken = 0
  #reportedNotTaken = 0
  #isDegraded = false
  #isClosed = false

  constructor(options: RecorderOptions, spool: Spool, recovered: RecoveredSpool) {
    this.#options = options
    this.producer = options.producer
    this.#spool = spool
    this.#open = recovered.open
    this.#publishedSeq = recovered.publishedSeq
    this.#sealedSeq = spool.nextSeq
    this.#own = new Scope(this, ownContext(options.tenant))
    this.#closeOpenWork()
    this.#report('edge.started', 'running', null)
    this.#publishing = this.#publish()
    this.#timers = [
      setInterval(() => {
        this.#look()
      }, sealMs),
      setInterval(() => {
        this.#report('edge.heartbeat', this.#isDegraded ? 'degraded' : 'running', null)
      }, options.heartbeatMs ?? 10_000),
    ]
  }

  scope(context: EventContext): RecordScope {
    return new Scope(this, context)
  }

  durable(): Promise<void> {
    return this.#spool.durable()
  }

  published(signal?: AbortSignal): Promise<void> {
    const seq = this.#spool.nextSeq
    if (this.#publishedSeq >= seq) return Promise.resolve()
    // Nothing is published before it is durable, so do not wait for the window.
    this.#spool.durable().catch(() => undefined)
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#publishWaiters = this.#publishWaiters.filter((each) => each !== waiter)
        reject(
          new Error('the bus did not acknowledge the events in time', { cause: signal?.reason }),
        )
      }
      const waiter = {
        seq,
        resolve: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      this.#publishWaiters.push(waiter)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  stats(): RecorderStats {
    return {
      state: this.#spool.state === 'failed' ? 'failed' : this.#isDegraded ? 'degraded' : 'running',
      spoolEvents: this.#spool.nextSeq - this.#publishedSeq,
      spoolBytes: this.#spool.waitingBytes,
      recorded: this.#recorded,
      notTaken: this.#notTaken,
    }
  }

  /** Takes an event of a scope; see `RecordScope.record`. `spare` may use the reserve. */
  take(scope: Scope, draft: EventDraft, spare = false): RecordOutcome {
    if (this.#isClosed) return { ok: false, reason: 'closed' }
    if (!this.#spool.hasRoom(spare)) {
      this.#notTaken += 1
      return { ok: false, reason: this.#spool.state === 'failed' ? 'spool_failed' : 'spool_full' }
    }
    const producerSeq = this.#spool.nextSeq
    const { type, request_id: requestId = null, occurred_at: occurredAt, ...parts } = draft
    const head: EventHead = {
      id: this.#ids.next(this.#options.clock.nowMs()),
      type,
      schema_version: schemaId,
      occurred_at: occurredAt ?? this.#options.clock.nowUs(),
      producer: this.producer,
      producer_seq: producerSeq,
      prev: this.#spool.prev,
      request_id: requestId,
    }
    this.#spool.append(scope.key, head, scope.encoded, parts, sha256)
    this.#open.note(type, scope.context.session_id, requestId, scope.encoded)
    this.#recorded += 1
    if (type === 'session.ended') this.#seal()
    return { ok: true, producerSeq }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#report('edge.stopped', 'stopping', null)
    this.#seal()
    // What the bus does not take in this time waits in the spool for the next start.
    await this.published(AbortSignal.timeout(closeMs)).catch(() => {
      this.#options.logger.warn(
        { events: this.stats().spoolEvents },
        'events wait in the spool for the next start',
      )
    })
    this.#isClosed = true
    this.#stop.abort()
    await this.#publishing
    await this.#spool[Symbol.asyncDispose]()
  }

  async #publish(): Promise<void> {
    const { bus, logger } = this.#options
    const onPublished = (throughSeq: number): void => {
      this.#publishedSeq = throughSeq + 1
      const waiting = this.#publishWaiters
      this.#publishWaiters = waiting.filter(({ seq }) => seq > this.#publishedSeq)
      for (const waiter of waiting) if (waiter.seq <= this.#publishedSeq) waiter.resolve()
    }
    try {
      await publish(
        { spool: this.#spool, producer: bus.producer, logger, onPublished },
        this.#stop.signal,
      )
    } catch (error) {
      logger.fatal({ err: error }, 'publishing ended; events wait in the spool')
    }
  }

  /** Once a second: seals what is new, and says when recording was not possible and when it is again. */
  #look(): void {
    const isDegraded = this.#spool.state !== 'running' || this.#notTaken > this.#reportedNotTaken
    if (isDegraded && !this.#isDegraded) {
      this.#isDegraded = true
      this.#report(
        'edge.degraded',
        'degraded',
        `the spool is ${this.#spool.state === 'running' ? 'full' : this.#spool.state}`,
      )
    } else if (!isDegraded && this.#isDegraded && this.#spool.hasRoom(false)) {
      this.#isDegraded = false
      this.#report('edge.recovered', 'running', null)
    }
    this.#reportedNotTaken = this.#notTaken
    if (this.#spool.nextSeq > this.#sealedSeq) this.#seal()
  }

  #seal(): void {
    const headSeq = this.#spool.nextSeq - 1
    this.take(
      this.#own,
      {
        type: 'edge.sealed',
        seal: sealPart(this.#options.key, this.producer, headSeq, this.#spool.prev),
      },
      true,
    )
    this.#sealedSeq = this.#spool.nextSeq
  }

  #report(
    type: 'edge.started' | 'edge.stopped' | 'edge.heartbeat' | 'edge.degraded' | 'edge.recovered',
    state: EdgePart['state'],
    reason: string | null,
  ): void {
    const edge: EdgePart = {
      version: this.#options.version,
      state,
      reason,
      event_types: type === 'edge.started' ? eventTypes : [],
      sessions: this.#open.sessions.size,
      spool_events: this.#spool.nextSeq - this.#publishedSeq,
      spool_bytes: this.#spool.waitingBytes,
      refused: this.#notTaken,
      unrecorded: 0,
      durability: null,
      clock_offset_us: null,
    }
    this.take(this.#own, { type, edge }, true)
  }

  /** What a crash cut off: each request gets its completion, each session its end, and says that nobody knows how it went. */
  #closeOpenWork(): void {
    for (const [sessionId, { context, requests }] of this.#open.sessions) {
      const scope = new Scope(this, decodeContext(context))
      for (const requestId of requests) {
        this.take(
          scope,
          { type: 'request.completed', request_id: requestId, completion: unknownCompletion },
          true,
        )
      }
      this.take(scope, { type: 'session.ended', session: unknownEnd }, true)
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

const unknownCompletion: CompletionPart = {
  outcome: 'unknown',
  command_tag: null,
  rows: 0,
  bytes_in: 0,
  bytes_out: 0,
  error_code: null,
  error_message: null,
  duration_us: 0,
  response_sha256: null,
  masked: [],
}

const unknownEnd: SessionPart = {
  protocol: 'unknown',
  database: null,
  role: null,
  application: null,
  outcome: 'unknown',
  requests: 0,
  bytes_in: 0,
  bytes_out: 0,
  duration_us: null,
}

function ownContext(tenant: string): EventContext {
  return {
    session_id: null,
    actor: null,
    target: null,
    source: null,
    purpose: null,
    data_labels: [],
    policy_digest: null,
    tenant,
    synthetic: false,
  }
}

function sha256(value: Buffer): Buffer {
  // By way of a string: half the time of asking for a Buffer.
  return Buffer.from(hash('sha256', value, 'binary'), 'latin1')
}
