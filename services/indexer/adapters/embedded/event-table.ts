import type { DatabaseSync } from 'node:sqlite'

import type { IndexDocument } from '../../documents.ts'
import { OrderKeys } from './order-key.ts'

/** A document and the row that holds it. */
export interface Located {
  readonly id: bigint
  readonly document: IndexDocument
  readonly occurredUs: number
  readonly isShown: boolean
}

export interface EventPlace {
  readonly session: number | null
  readonly statement: number | null
  readonly isShown: boolean
}

/** The rows of `log` and `event`. */
export class EventTable {
  readonly #keys: OrderKeys
  readonly #logs = new Map<string, number>()
  readonly #addLog
  readonly #logId
  readonly #advance
  readonly #isThere
  readonly #isCopy
  readonly #noteCopy
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
    this.#noteCopy = db.prepare('INSERT OR IGNORE INTO copy (log, position) VALUES (?, ?)')
    this.#before = db.prepare(
      'SELECT occurred_us FROM event WHERE log = ? AND position < ? ORDER BY position DESC LIMIT 1',
    )
    this.#insert = db.prepare(
      `INSERT INTO event (id, log, position, type, event_id, occurred_us, session, statement, chunk, is_shown, document)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#read = db.prepare('SELECT id, document, occurred_us, is_shown FROM event WHERE id = ?')
    this.#ofStatement = db.prepare(
      'SELECT id, document, occurred_us, is_shown FROM event WHERE statement = ?',
    )
    for (const reading of [this.#read, this.#ofStatement]) reading.setReadBigInts(true)
    this.#show = db.prepare('UPDATE event SET is_shown = ? WHERE id = ?')
  }

  logId(origin: string): number {
    const known = this.#logs.get(origin)
    if (known !== undefined) return known
    this.#addLog.run(origin)
    const id = Number(this.#logId.get(origin)?.['id'])
    this.#logs.set(origin, id)
    return id
  }

  /** After a rollback the rows of logs it saw may be gone. */
  forget(): void {
    this.#logs.clear()
  }

  advance(log: number, indexed: number): void {
    this.#advance.run(indexed, log)
  }

  /** Whether the entry, or the same bytes at another position, is in the index. What is a copy is noted: it is not missing. */
  has(log: number, document: IndexDocument): boolean {
    const { position, eventId, digest } = document
    if (this.#isThere.get(log, position) !== undefined) return true
    if (eventId === null || this.#isCopy.get(eventId, digest) === undefined) return false
    this.#noteCopy.run(log, position)
    return true
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
      place.isShown ? 1 : 0,
      JSON.stringify(document),
    )
    return { id, document, occurredUs, isShown: place.isShown }
  }

  read(id: bigint): Located {
    const row = this.#read.get(id)
    if (row === undefined) throw new Error(`the index has no event ${id}`)
    return locatedIn(row)
  }

  ofStatement(statement: number): readonly Located[] {
    return this.#ofStatement.all(statement).map(locatedIn)
  }

  show(id: bigint, isShown: boolean): void {
    this.#show.run(isShown ? 1 : 0, id)
  }

  // Bytes that are no event have no time of their own: they stand with the entry before them.
  #timeBefore(log: number, position: number): number {
    return Number(this.#before.get(log, position)?.['occurred_us'] ?? 0)
  }
}

function locatedIn(row: Record<string, unknown>): Located {
  return {
    id: row['id'] as bigint,
    document: JSON.parse(String(row['document'])) as IndexDocument,
    occurredUs: Number(row['occurred_us']),
    isShown: row['is_shown'] === 1n,
  }
}
