import type { EventContext, EventParts } from '../../../schemas/event.ts'
import type { EventType } from '../../../schemas/event-types.ts'

/**
 * What a producer of events calls: it numbers and chains each event, encodes it and appends it to the spool.
 * Published: the product's own services record what they do in the same way as the edge does.
 */
export interface Recorder {
  /** The producer's id, as it stands in every event. */
  readonly producer: string
  /** Starts a series of events with a common context. The context is encoded once. */
  scope(context: EventContext): RecordScope
  /**
   * Hands everything recorded so far to the operating system, in microseconds: from then on it outlives this process, though not yet
   * the machine. Never throws and never waits; while the disk has no room it does nothing.
   */
  writeOut(): void
  /** Does so at the end of this turn of the event loop, once for all that asked, then calls each, in order. They must not throw. */
  afterWriteOut(then: () => void): void
  /** Resolves when everything recorded so far is on disk; rejects when it cannot be, or not now. */
  durable(): Promise<void>
  /** Resolves when everything recorded so far was acknowledged by the bus. Rejects when the signal aborts first. */
  published(signal?: AbortSignal): Promise<void>
  /**
   * A request that was not taken counts as refused. Whoever lets it through all the same (`on_audit_failure: allow`) says so here,
   * once for each: the next `edge.degraded`, `edge.recovered` or heartbeat reports both numbers.
   */
  noteUnrecorded(): void
}

export interface RecordScope {
  readonly context: EventContext
  /**
   * Takes the event or says why not; never throws for a full or failed spool and never waits. Order of calls is order of
   * `producer_seq`. The draft's Buffers are copied before this returns.
   */
  record(draft: EventDraft): RecordOutcome
}

/** The parts of an event that its type calls for; absent parts are null. */
export interface EventDraft extends Partial<EventParts> {
  readonly type: EventType
  readonly request_id?: string | null
  /** Microseconds since 1970; default is now. */
  readonly occurred_at?: number
}

export type RecordOutcome =
  | { readonly ok: true; readonly producerSeq: number }
  | {
      readonly ok: false
      readonly reason: 'spool_full' | 'spool_failed' | 'event_too_large' | 'closed'
    }
