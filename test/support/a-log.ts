import { createHash } from 'node:crypto'

import type { AuditEvent } from '../../schemas/event.ts'
import type { SealedRecord } from '../../services/indexer/documents.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aSession,
  anActor,
  anEvent,
  encoded,
} from './an-event.ts'

export const firstMs = Date.UTC(2026, 10, 25, 8)
const shopDb = { name: 'shop-db', kind: 'postgres', address: '127.0.0.1:5432' }

/** Seals events one after the other, as a ledger does with one partition; position 0 is the genesis. */
export class ALog {
  readonly origin: string
  readonly records: SealedRecord[] = []
  #seq = 0

  constructor(origin = 'ledger.example/audit-events/0') {
    this.origin = origin
  }

  /** Each event is a second after the one before unless its time is given. */
  seal(given: Partial<AuditEvent>): SealedRecord {
    const seq = this.#seq++
    const occurred_at = (firstMs + seq * 1000) * 1000
    return this.sealBytes(encoded(anEvent({ producer_seq: seq, occurred_at, ...given })))
  }

  sealBytes(value: Buffer): SealedRecord {
    const position = this.records.length + 1
    const leafHash = createHash('sha256').update(`${this.origin} ${position}`).digest()
    const record = { log: this.origin, position, leafHash, value }
    this.records.push(record)
    return record
  }

  startSession(sessionId: string, given: Partial<AuditEvent> = {}): ASession {
    return new ASession(this, sessionId, given)
  }
}

/** The events of one session of an agent at a database. */
export class ASession {
  readonly id: string
  readonly #log: ALog
  readonly #context: Partial<AuditEvent>
  #requests = 0

  constructor(log: ALog, id: string, given: Partial<AuditEvent>) {
    this.id = id
    this.#log = log
    this.#context = {
      session_id: id,
      actor: anActor(),
      target: shopDb,
      source: { address: '10.0.0.9', port: 40_000, tls: 'TLSv1.3' },
      ...given,
    }
    this.event({ type: 'session.started', session: aSession() })
  }

  event(given: Partial<AuditEvent>): SealedRecord {
    return this.#log.seal({ ...this.#context, ...given })
  }

  /** What was asked, with its decision; returns the request's id. */
  ask(
    statement: string | Buffer,
    request: Parameters<typeof aRequest>[1] = {},
    decision: Parameters<typeof aDecision>[0] = {},
  ): string {
    const request_id = `${this.id}-${this.#requests++}`
    this.event({
      type: 'request.received',
      request_id,
      request: aRequest(statement, request),
      decision: aDecision(decision),
    })
    return request_id
  }

  complete(request_id: string, completion: Parameters<typeof aCompletion>[0] = {}): void {
    this.event({ type: 'request.completed', request_id, completion: aCompletion(completion) })
  }

  end(): void {
    this.event({ type: 'session.ended', session: aSession({ outcome: 'closed' }) })
  }
}

/** Two sessions with what an index must tell apart: reads, a join, an error, a refused statement, one that still runs. */
export function aWorkingDay(log: ALog): ALog {
  const first = log.startSession('session-1')
  const read = first.ask('SELECT name, salary FROM public.salaries WHERE year = 2026', {
    reads: ['public.salaries'],
  })
  first.complete(read, { rows: 12 })
  const drop = first.ask(
    'DROP TABLE public.customers',
    { operation: 'drop', writes: ['public.customers'] },
    { outcome: 'block', rule_ids: ['no-ddl'] },
  )
  first.complete(drop, { outcome: 'refused', rows: 0, error_code: '42501' })
  first.end()
  const second = log.startSession('session-2', {
    actor: anActor({
      kind: 'human',
      subject: 'u-2002',
      display: 'Bob Smith',
      groups: [],
      on_behalf_of: [],
    }),
    target: { ...shopDb, name: 'warehouse' },
  })
  const update = second.ask('UPDATE stock SET amount = amount - 1', {
    operation: 'update',
    reads: ['public.stock'],
    writes: ['public.stock'],
  })
  second.complete(update, {
    outcome: 'error',
    rows: 0,
    error_code: '23514',
    error_message: 'violates check constraint "stock_amount_positive"',
  })
  second.ask('SELECT pg_sleep(60)')
  log.seal({ type: 'edge.heartbeat' })
  return log
}
