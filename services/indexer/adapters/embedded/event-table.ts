import type { DatabaseSync } from 'node:sqlite'

import type { IndexDocument } from '../../documents.ts'
import { OrderKeys } from './order-key.ts'

/** A document and the row that holds it. */
export interface Located {
  readonly id: bigint
  readonly document: IndexDocument
  readonly occurredUs: number
}

export interface EventPlace {
  readonly session: number | null
  readonly statement: number | null
}

/** The rows of `log` and `event`. */
export class EventTable {
  readonly #keys: OrderKeys
  readonly #addLog
  readonly #logId
  readonly #advance
  readonly #isThere
  readonly #isCopy
  readonly #before
  readonly #insert
  readonly #read
  readonly #ofStatement
  readonly #show

  constructor(db: DatabaseSync) {
    this.#keys = new OrderKeys(db)
    this.#addLog = db.prepare(
      'INSERT INTO log (origin, indexed) VALUES (?, 0) ON CONFLICT DO NOTHING',
    )
    this.#logId = db.prepare('SELECT id FROM log WHERE origin = ?')
    this.#advance = db.prepare('UPDATE log SET indexed = max(indexed, ?) WHERE id = ?')
    this.#isThere = db.prepare('SELECT 1 FROM event WHERE log = ? AND position = ?')
    this.#isCopy = db.prepare(
      "SELECT 1 FROM event WHERE event_id = ? AND document ->> '$.digest' = ?",
    )
    this.#before = db.prepare(
      'SELECT occurred_us FROM event WHERE log = ? AND position < ? ORDER BY position DESC LIMIT 1',
    )
    this.#insert = db.prepare(
      `INSERT INTO event (id, log, position, type, event_id, occurred_us, session, statement, chunk, is_shown, document)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`,
    )
    this.#read = db.prepare('SELECT document, occurred_us FROM event WHERE id = ?')
    this.#ofStatement = db.prepare(
      'SELECT id, document, occurred_us FROM event WHERE statement = ?',
    )
    this.#ofStatement.setReadBigInts(true)
    this.#show = db.prepare('UPDATE event SET is_shown = ? WHERE id = ?')
  }

  logId(origin: string): number {
    this.#addLog.run(origin)
    return Number(this.#logId.get(origin)?.['id'])
  }

  advance(log: number, indexed: number): void {
    this.#advance.run(indexed, log)
  }

  /** Whether the entry, or the same bytes at another position, is in the index. */
  has(log: number, document: IndexDocument): boolean {
    if (this.#isThere.get(log, document.position) !== undefined) return true
    return (
      document.eventId !== null && this.#isCopy.get(document.eventId, document.digest) !== undefined
    )
  }

  insert(log: number, document: IndexDocument, place: EventPlace): Located {
    const occurredUs = document.occurredAtUs ?? this.#timeBefore(log, document.position)
    const id = this.#keys.next(occurredUs)
    this.#insert.run(
      id,
      log,
      document.position,
      document.type,
      document.eventId,
      occurredUs,
      place.session,
      place.statement,
      document.chunk,
      JSON.stringify(document),
    )
    return { id, document, occurredUs }
  }

  read(id: bigint): Located {
    const row = this.#read.get(id)
    if (row === undefined) throw new Error(`the index has no event ${id}`)
    return {
      id,
      document: JSON.parse(String(row['document'])) as IndexDocument,
      occurredUs: Number(row['occurred_us']),
    }
  }

  ofStatement(statement: number): readonly Located[] {
    return this.#ofStatement.all(statement).map((row) => ({
      id: row['id'] as bigint,
      document: JSON.parse(String(row['document'])) as IndexDocument,
      occurredUs: Number(row['occurred_us']),
    }))
  }

  show(id: bigint, isShown: boolean): void {
    this.#show.run(isShown ? 1 : 0, id)
  }

  // Bytes that are no event have no time of their own: they stand with the entry before them.
  #timeBefore(log: number, position: number): number {
    return Number(this.#before.get(log, position)?.['occurred_us'] ?? 0)
  }
}
