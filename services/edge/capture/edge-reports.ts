import { eventTypes, typesOfRole } from '../../../schemas/event-types.ts'
import type { EdgePart } from '../../../schemas/event.ts'
import type { EventType, ProducerRole } from '../../../schemas/event-types.ts'
import type { SigningKey } from '../../runtime/key-file.ts'
import type { EventDraft } from './recorder.ts'
import { sealPart } from './seal.ts'
import type { Spool } from './spool.ts'
import type { SpoolFailure } from './spool-recovery.ts'

export interface EdgeReportsOptions {
  readonly producer: string
  readonly version: string
  readonly role: ProducerRole | null
  readonly windowMs: number
  readonly heartbeatMs: number
  readonly key: SigningKey
  readonly spool: Spool
  /** Records an event of the producer itself; `spare` ones may use the reserve. False when it was not taken. */
  readonly record: (draft: EventDraft, spare: boolean) => boolean
  /** Events that the bus has not acknowledged. */
  readonly waitingEvents: () => number
}

const lookMs = 1_000

/**
 * What a producer says of itself: that it lives, that it cannot record and that it can again, and its sealed head. Events of requests
 * that were not recorded are counted until a report that tells of them was taken.
 */
export class EdgeReports {
  readonly #options: EdgeReportsOptions
  readonly #timers: NodeJS.Timeout[] = []
  #sealedSeq: number
  #isDegraded = false
  #publishFault: string | null = null
  #refused = 0
  #unrecorded = 0
  /** Whether anything was not taken since the last look. */
  #hasRefused = false
  /** How many of them the disk was told, after it had failed. */
  #keptFailure = 0

  constructor(options: EdgeReportsOptions) {
    this.#options = options
    this.#sealedSeq = options.spool.nextSeq
  }

  get isDegraded(): boolean {
    return this.#isDegraded
  }

  start(): void {
    this.#timers.push(
      setInterval(() => {
        this.#look()
      }, lookMs),
      setInterval(() => {
        // Not from the reserve: a disk that stays full would fill it with heartbeats.
        this.#report('edge.heartbeat', this.#isDegraded ? 'degraded' : 'running', null, false)
      }, this.#options.heartbeatMs),
    )
  }

  started(): void {
    this.#report('edge.started', 'running', null, true)
  }

  /** The process before could not write its spool any more: what it knew of that is told now. */
  failedBefore({ code, lost, refused, unrecorded }: SpoolFailure): void {
    this.#refused += refused
    this.#unrecorded += unrecorded
    const reason = `the spool failed (${code}); events that were taken and not yet on disk: ${lost}`
    this.#report('edge.degraded', 'degraded', reason, true)
    this.#report('edge.recovered', 'running', null, true)
  }

  stopped(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#report('edge.stopped', 'stopping', null, true)
    this.seal()
    if (this.#options.spool.state === 'failed') this.#keepFailure()
  }

  /** An event of somebody was not taken. */
  notTaken(isRequest: boolean): void {
    this.#hasRefused = true
    if (isRequest) this.#refused += 1
  }

  unrecorded(): void {
    this.#refused = Math.max(0, this.#refused - 1)
    this.#unrecorded += 1
  }

  publishingEnded(reason: string): void {
    this.#publishFault = reason
  }

  /** Signs the newest event. */
  seal(): void {
    const { key, producer, spool, record } = this.#options
    const seal = sealPart(key, producer, spool.nextSeq - 1, spool.prev)
    if (record({ type: 'edge.sealed', seal }, true)) this.#sealedSeq = spool.nextSeq
  }

  #look(): void {
    const { spool } = this.#options
    const trouble = this.#trouble()
    this.#hasRefused = false
    if (trouble !== null && !this.#isDegraded) {
      this.#isDegraded = true
      this.#report('edge.degraded', 'degraded', trouble, true)
    } else if (trouble === null && this.#isDegraded && spool.hasRoom(false)) {
      this.#isDegraded = false
      this.#report('edge.recovered', 'running', null, true)
    }
    if (spool.nextSeq > this.#sealedSeq) this.seal()
    if (spool.state === 'failed') this.#keepFailure()
  }

  #trouble(): string | null {
    const { state } = this.#options.spool
    if (state === 'failed') return 'the spool cannot be written'
    if (state === 'full') return 'the disk of the spool is full'
    if (this.#publishFault !== null) return this.#publishFault
    return this.#hasRefused ? 'the spool is full' : null
  }

  #keepFailure(): void {
    const counts = { refused: this.#refused, unrecorded: this.#unrecorded }
    const sum = counts.refused + counts.unrecorded
    if (sum === this.#keptFailure) return
    this.#keptFailure = sum
    this.#options.spool.keepFailure(counts)
  }

  #report(
    type: 'edge.started' | 'edge.stopped' | 'edge.heartbeat' | 'edge.degraded' | 'edge.recovered',
    state: EdgePart['state'],
    reason: string | null,
    spare: boolean,
  ): void {
    const { version, role, windowMs, spool, record, waitingEvents } = this.#options
    const edge: EdgePart = {
      version,
      state,
      reason,
      event_types: type === 'edge.started' ? reportedBy(role) : [],
      sessions: spool.openSessions,
      spool_events: waitingEvents(),
      spool_bytes: spool.waitingBytes,
      refused: this.#refused,
      unrecorded: this.#unrecorded,
      durability: `batched ${windowMs} ms`,
      clock_offset_us: null,
      role,
    }
    if (!record({ type, edge }, spare)) return
    this.#refused = 0
    this.#unrecorded = 0
  }
}

function reportedBy(role: ProducerRole | null): readonly EventType[] {
  return role === null ? eventTypes : typesOfRole[role]
}
