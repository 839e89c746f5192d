import type { DatabaseSync } from 'node:sqlite'

import type { IndexDocument } from '../../documents.ts'
import type { SessionCounts } from '../../session.ts'
import {
  decisionsOf,
  firstCompleted,
  firstReceived,
  isStatementPart,
  lastDecided,
} from '../../statement.ts'
import type { StatementEvents } from '../../statement.ts'
import { hourOf } from '../../terms.ts'
import { touchesTransactions } from '../../transactions/transaction-steps.ts'
import type { EventTable, Located } from './event-table.ts'
import type { Contribution, RollupTable } from './rollup-table.ts'
import type { SessionTable } from './session-table.ts'
import type { TextTable } from './text-table.ts'

interface StatementRow {
  readonly id: number
  /** Without events of earlier batches. */
  readonly isNew: boolean
  readonly session: number | null
  readonly before: Roles
  now: Roles
  /** Its events of this batch. */
  readonly added: Located[]
}

interface Roles {
  readonly received: Located | null
  readonly decided: Located | null
  readonly completed: Located | null
}

interface Tables {
  readonly events: EventTable
  readonly sessions: SessionTable
  readonly rollups: RollupTable
  readonly texts: TextTable
}

/** Puts the events of a statement together: its row, its text, what is counted of it. */
export class StatementTable {
  readonly #tables: Tables
  readonly #add
  readonly #find
  readonly #set
  readonly #touched = new Map<string, StatementRow>()

  constructor(db: DatabaseSync, tables: Tables) {
    this.#tables = tables
    this.#add = db.prepare(
      'INSERT INTO statement (producer, session_id, request_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#find = db.prepare(
      `SELECT id, received, decided, completed FROM statement
       WHERE session_id = ? AND request_id = ? AND producer = ?`,
    )
    this.#find.setReadBigInts(true)
    this.#set = db.prepare(
      'UPDATE statement SET seq = ?, received = ?, decided = ?, completed = ?, transacts = ? WHERE id = ?',
    )
  }

  /** The statement that this document is a part of, and whether it is found by itself. */
  placeOf(
    document: IndexDocument,
    session: number | null,
  ): { readonly statement: number | null; readonly isShown: boolean } {
    const row = this.#rowOf(document, session)
    if (row === null) return { statement: null, isShown: true }
    return { statement: row.id, isShown: row.now.received === null }
  }

  note(event: Located, session: number | null): void {
    const row = this.#rowOf(event.document, session)
    if (row === null) return
    row.added.push(event)
    const { received, decided, completed } = row.now
    row.now = {
      received: isReceipt(event) ? pick(firstReceived, received, event) : received,
      decided: event.document.decision === null ? decided : pick(lastDecided, decided, event),
      completed:
        event.document.type === 'request.completed' && event.document.completion !== null
          ? pick(firstCompleted, completed, event)
          : completed,
    }
  }

  flush(): void {
    for (const row of this.#touched.values()) this.#write(row)
    this.discard()
  }

  discard(): void {
    this.#touched.clear()
  }

  #rowOf(document: IndexDocument, session: number | null): StatementRow | null {
    const { producer, sessionId, requestId } = document
    if (!isStatementPart(document) || producer === null || requestId === null) return null
    const key = JSON.stringify([producer, sessionId, requestId])
    const touched = this.#touched.get(key)
    if (touched !== undefined) return touched
    const isNew = this.#add.run(producer, sessionId ?? '', requestId).changes === 1
    const found = this.#find.get(sessionId ?? '', requestId, producer)
    const before: Roles = {
      received: this.#located(found?.['received']),
      decided: this.#located(found?.['decided']),
      completed: this.#located(found?.['completed']),
    }
    const row = { id: Number(found?.['id']), isNew, session, before, now: before, added: [] }
    this.#touched.set(key, row)
    return row
  }

  #located(id: unknown): Located | null {
    return typeof id === 'bigint' ? this.#tables.events.read(id) : null
  }

  #write(row: StatementRow): void {
    const { received, decided, completed } = row.now
    this.#set.run(
      received?.document.producerSeq ?? null,
      received?.id ?? null,
      decided?.id ?? null,
      completed?.id ?? null,
      received !== null && touchesTransactions(received.document.request?.operation ?? '') ? 1 : 0,
      row.id,
    )
    this.#writeTexts(row)
    this.#writeCounts(row)
  }

  #writeTexts({ id, isNew, before, now, added }: StatementRow): void {
    const { events, texts } = this.#tables
    // A receipt that is new hides the parts that came before it and takes their words over.
    const isNewReceipt = now.received !== null && now.received.id !== before.received?.id
    const parts = isNewReceipt && !isNew ? events.ofStatement(id) : added
    for (const part of parts) {
      const isReceipt = part.id === now.received?.id
      const isShown = isReceipt || now.received === null
      if (isShown !== part.isShown) events.show(part.id, isShown)
      if (!isReceipt) texts.replace({ event: part, isShown, statement: null })
    }
    if (now.received !== null) {
      texts.replace({ event: now.received, isShown: true, statement: documentsOf(now) })
    }
  }

  #writeCounts({ session, before, now }: StatementRow): void {
    const old = contributionOf(before)
    const next = contributionOf(now)
    if (next === null) return
    if (old !== null) this.#tables.rollups.takeBack(old)
    this.#tables.rollups.add(next)
    if (session === null) return
    this.#tables.sessions.count(session, old && counts(old, before), counts(next, now))
  }
}

function isReceipt(event: Located): boolean {
  return event.document.type === 'request.received'
}

type Choice = (one: IndexDocument | null, other: IndexDocument) => IndexDocument

function pick(choose: Choice, known: Located | null, other: Located): Located {
  return known !== null && choose(known.document, other.document) === known.document ? known : other
}

function documentsOf(roles: Roles): StatementEvents {
  return {
    received: roles.received?.document ?? null,
    decided: roles.decided?.document ?? null,
    completed: roles.completed?.document ?? null,
  }
}

function contributionOf({ received, decided, completed }: Roles): Contribution | null {
  if (received === null) return null
  return {
    hourMs: hourOf(received.occurredUs),
    target: received.document.target?.name ?? '',
    document: received.document,
    operation: received.document.request?.operation ?? '',
    decision: decided?.document.decision?.outcome ?? 'unknown',
    outcome: completed?.document.completion?.outcome ?? '',
    rows: completed?.document.completion?.rows ?? 0,
  }
}

function counts(of: Contribution, { decided }: Roles): SessionCounts {
  const isHeld = decisionsOf(of.document, decided?.document ?? null).includes('hold')
  return {
    statements: 1,
    held: isHeld ? 1 : 0,
    blocked: of.decision === 'block' ? 1 : 0,
    errors: of.outcome === 'error' ? 1 : 0,
    rows: of.rows,
  }
}
