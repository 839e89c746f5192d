import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import type { RecordOutcome, RecordScope } from '../../../services/edge/capture/recorder.ts'
import type { SpooledRecorder } from '../../../services/edge/capture/spooled-recorder.ts'
import { contextOf } from '../../services/edge/capture/capture-fixture.ts'
import { aCompletion, aDecision, aRequest, aSession } from '../../support/an-event.ts'

const sessions = 12
const requestsOfSession = 50
const tickMs = 20

/** Records so many events a second, as sessions would, whatever becomes of them, and keeps which of them the recorder took. */
export class PacedLoad implements AsyncDisposable {
  /** Numbers of the producer. */
  readonly taken: number[] = []
  readonly refused: Extract<RecordOutcome, { ok: false }>['reason'][] = []
  readonly #recorder: SpooledRecorder
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(recorder: SpooledRecorder, perSecond: number) {
    this.#recorder = recorder
    this.#running = this.#run(perSecond)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #run(perSecond: number): Promise<void> {
    const open = Array.from({ length: sessions }, () => this.#session())
    const startedMs = performance.now()
    for (let done = 0; !this.#stop.signal.aborted;) {
      const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000)
      for (; done < due; done += 1) this.#note(open[done % sessions]?.next().value ?? null)
      await pause(tickMs)
    }
  }

  #note(outcome: RecordOutcome | null): void {
    if (outcome === null) return
    if (outcome.ok) this.taken.push(outcome.producerSeq)
    else this.refused.push(outcome.reason)
  }

  /** One event at each step, session after session, without an end. */
  *#session(): Generator<RecordOutcome, never> {
    for (;;) {
      const id = randomUUID()
      const scope = this.#recorder.scope(contextOf(id))
      yield scope.record({ type: 'session.started', session: aSession() })
      for (let count = 0; count < requestsOfSession; count += 1) {
        yield* requestOf(scope, `${id}.${count}`, count)
      }
      yield scope.record({ type: 'session.ended', session: aSession({ outcome: 'closed' }) })
    }
  }
}

function* requestOf(scope: RecordScope, id: string, count: number): Generator<RecordOutcome> {
  const statement = `SELECT balance, owner FROM accounts WHERE branch = 7 AND number = ${count}`
  yield scope.record({ type: 'request.received', request_id: id, request: aRequest(statement) })
  yield scope.record({ type: 'request.decided', request_id: id, decision: aDecision() })
  yield scope.record({ type: 'request.completed', request_id: id, completion: aCompletion() })
}
