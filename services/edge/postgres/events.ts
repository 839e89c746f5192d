import type {
  ApprovalPart,
  AuthPart,
  CompletionOutcome,
  CompletionPart,
  CredentialPart,
  DecisionPart,
  EventContext,
  Parameter,
  RequestPart,
  SessionOutcome,
  SessionPart,
} from '../../../schemas/event.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { EventDraft, Recorder, RecordScope } from '../capture/recorder.ts'
import type { PostgresLimits } from './limits.ts'
import type { BoundParameter } from './protocol/frontend.ts'
import { RequestInFlight } from './relay/request-in-flight.ts'
import { ResponseRecord } from './relay/response-record.ts'
import { sha256 } from './statements/statements.ts'
import type { Statement } from './statements/statements.ts'

export interface SessionLogOptions {
  readonly recorder: Recorder
  readonly clock: Clock
  readonly limits: PostgresLimits
  readonly sessionId: string
  /** How much of each result is recorded. */
  readonly recordResultsBytes: number
}

export interface ReceivedRequest {
  readonly mode: RequestPart['mode']
  /** What is done with the statement, where that is not to run it. */
  readonly step: 'parse' | 'bind' | 'cancel' | null
  readonly statement: Statement
  /** The true length and digest, where `statement.text` is only its beginning. */
  readonly whole: { readonly bytes: number; readonly sha256: Buffer } | null
  readonly parameters: readonly BoundParameter[]
}

/** Turns what happens in one session into events. Says whether the recorder took each. */
export class SessionLog {
  readonly #options: SessionLogOptions
  #scope: RecordScope
  #requests = 0
  #recorded = 0
  readonly #owed: Owed[] = []

  constructor(options: SessionLogOptions, context: EventContext) {
    this.#options = options
    this.#scope = options.recorder.scope(context)
  }

  get requests(): number {
    return this.#requests
  }

  /** Events that the recorder has taken. */
  get recorded(): number {
    return this.#recorded
  }

  get context(): EventContext {
    return this.#scope.context
  }

  /** From now on events carry another context: the actor is known now, or another policy is in force. */
  changeContext(context: EventContext): void {
    this.#scope = this.#options.recorder.scope(context)
  }

  /** `credential`: what came into being with it, where none was issued before. */
  authenticated(auth: AuthPart, credential: CredentialPart | null = null): boolean {
    return this.#record({ type: 'auth.succeeded', auth, credential })
  }

  authenticationFailed(auth: AuthPart): boolean {
    return this.#record({ type: 'auth.failed', auth })
  }

  /** Signed in, and yet not let in. */
  accessDenied(auth: AuthPart): boolean {
    return this.#record({ type: 'access.denied', auth })
  }

  started(session: SessionPart): boolean {
    return this.#record({ type: 'session.started', session })
  }

  ended(session: SessionPart & { readonly outcome: SessionOutcome }): boolean {
    if (this.#owed.length > 0) this.#settleOwed()
    return this.#record({ type: 'session.ended', session })
  }

  /** Somebody is asked; with what the request would do. */
  approvalRequested(
    requestId: string,
    approval: ApprovalPart,
    statement: Statement,
    parameters: readonly BoundParameter[],
    mode: RequestPart['mode'],
  ): boolean {
    const request = this.#requestPart({ mode, step: null, statement, parameters, whole: null })
    return this.#record({ type: 'approval.requested', request_id: requestId, approval, request })
  }

  /** The one use of a grant, before it runs. */
  approvalUsed(requestId: string, approval: ApprovalPart): boolean {
    return this.#record({ type: 'approval.used', request_id: requestId, approval })
  }

  nextRequestId(): string {
    return `${this.#options.sessionId}.${++this.#requests}`
  }

  /** Records a request with the decision about it, before anything of it is forwarded. Null when the recorder did not take it. */
  received(id: string, received: ReceivedRequest, decision: DecisionPart): RequestInFlight | null {
    if (this.#owed.length > 0) this.#settleOwed()
    const { statement } = received
    const occurredAt = this.#options.clock.nowUs()
    const isTaken = this.#record({
      type: 'request.received',
      request_id: id,
      occurred_at: occurredAt,
      decision,
      request: this.#requestPart(received),
    })
    return isTaken ? this.#requestInFlight(id, statement, occurredAt) : null
  }

  /**
   * Records what became of a request that was held. It goes on as the statement is decided now. Null when the recorder did not take
   * it.
   */
  decided(
    request: RequestInFlight,
    statement: Statement,
    decision: DecisionPart,
  ): RequestInFlight | null {
    const isTaken = this.#record({ type: 'request.decided', request_id: request.id, decision })
    return isTaken ? this.#requestInFlight(request.id, statement, request.startedUs) : null
  }

  #requestPart(received: ReceivedRequest): RequestPart {
    const { statement, step, whole } = received
    const { verdict } = statement
    return {
      operation: step ?? verdict.operation,
      mode: received.mode,
      statement: statement.text,
      statement_bytes: whole?.bytes ?? statement.text.length,
      statement_sha256: whole?.sha256 ?? statement.sha256,
      parameters:
        received.parameters.length === 0 ? noParameters : this.#parameters(received.parameters),
      reads: step === null ? verdict.reads : none,
      writes: step === null ? verdict.writes : none,
      functions: step === null ? verdict.functions : none,
      tool_call_id: null,
    }
  }

  /** A request that goes on without having been recorded, where the target's `on_audit_failure` allows that. */
  unrecorded(id: string, statement: Statement): RequestInFlight {
    this.#options.recorder.noteUnrecorded()
    return this.#requestInFlight(id, statement, this.#options.clock.nowUs())
  }

  completed(request: RequestInFlight, outcome: CompletionOutcome): boolean {
    if (this.#owed.length > 0) this.#settleOwed()
    if (request.isCompleted) return true
    request.isCompleted = true
    const response = request.response.finish()
    const now = this.#options.clock.nowUs()
    const completion: CompletionPart = {
      outcome,
      command_tag: request.tag,
      rows: request.rows,
      bytes_in: request.bytesIn,
      bytes_out: request.bytesOut,
      error_code: request.errorCode,
      error_message: request.errorMessage,
      duration_us: Math.max(0, now - request.startedUs),
      response_sha256: response.sha256,
      masked: request.mask === null ? none : maskedCounts(request.mask.counts),
      token_key_id: request.mask?.tokenKeyId ?? null,
    }
    const ok = this.#record({
      type: 'request.completed',
      request_id: request.id,
      occurred_at: now,
      completion,
      response:
        response.content === null
          ? null
          : {
              chunk: response.chunk,
              encoding: response.encoding,
              content: response.content,
              truncated: response.isTruncated,
            },
    })
    if (!ok && this.#owed.length < maxOwed) {
      this.#owed.push({ request_id: request.id, occurred_at: now, completion })
    }
    return ok
  }

  /** Completions that the recorder did not take are given again before anything new is: each request has one. */
  #settleOwed(): void {
    while (this.#owed[0] !== undefined) {
      if (!this.#record({ type: 'request.completed', ...this.#owed[0] })) return
      this.#owed.shift()
    }
  }

  #record(draft: EventDraft): boolean {
    const { ok } = this.#scope.record(draft)
    if (ok) this.#recorded += 1
    return ok
  }

  #requestInFlight(id: string, statement: Statement, startedUs: number): RequestInFlight {
    const { limits, recordResultsBytes } = this.#options
    const response = new ResponseRecord(
      limits,
      recordResultsBytes,
      (chunk, encoding, content, truncated) => {
        this.#record({
          type: 'response.recorded',
          request_id: id,
          response: { chunk, encoding, content, truncated },
        })
      },
    )
    return new RequestInFlight(id, statement, startedUs, response)
  }

  #parameters(parameters: readonly BoundParameter[]): Parameter[] {
    const limit = this.#options.limits.recordedParameterBytes
    return parameters.map(({ format, value }) => {
      if (value === null) return { format, value: null, value_bytes: -1, value_sha256: null }
      if (value.length <= limit) {
        return { format, value, value_bytes: value.length, value_sha256: null }
      }
      return {
        format,
        value: value.subarray(0, limit),
        value_bytes: value.length,
        value_sha256: sha256(value),
      }
    })
  }
}

function maskedCounts(counts: ReadonlyMap<string, number>): CompletionPart['masked'] {
  if (counts.size === 0) return none
  return [...counts].map(([dataClass, count]) => ({ data_class: dataClass, count }))
}

interface Owed {
  readonly request_id: string
  readonly occurred_at: number
  readonly completion: CompletionPart
}

const maxOwed = 1_000
const none: readonly never[] = []
const noParameters: readonly Parameter[] = []
