import type { DatabaseSync } from 'node:sqlite'

import type { IndexDocument } from '../../documents.ts'
import type { AppliedProgress } from '../../search-index.ts'
import { EventTable } from './event-table.ts'
import { RollupTable } from './rollup-table.ts'
import { SessionTable } from './session-table.ts'
import { StatementTable } from './statement-table.ts'
import { TextTable } from './text-table.ts'

export interface BusOffset {
  readonly topic: string
  readonly partition: number
  readonly next: bigint
}

/** Writes batches, each in one transaction with its progress. */
export class IndexWriter {
  readonly #db: DatabaseSync
  readonly #events: EventTable
  readonly #sessions: SessionTable
  readonly #rollups: RollupTable
  readonly #texts: TextTable
  readonly #statements: StatementTable
  readonly #setOffset
  readonly #offsets

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#events = new EventTable(db)
    this.#sessions = new SessionTable(db, this.#events)
    this.#rollups = new RollupTable(db)
    this.#texts = new TextTable(db)
    this.#statements = new StatementTable(db, {
      events: this.#events,
      sessions: this.#sessions,
      rollups: this.#rollups,
      texts: this.#texts,
    })
    this.#setOffset = db.prepare(
      `INSERT INTO bus_offset (topic, part, next) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET next = max(next, excluded.next)`,
    )
    this.#offsets = db.prepare('SELECT topic, part, next FROM bus_offset')
    this.#offsets.setReadBigInts(true)
  }

  apply(documents: readonly IndexDocument[], progress: AppliedProgress): void {
    this.#inTransaction(() => {
      for (const document of documents) this.#take(document)
      this.#statements.flush()
      this.#texts.flush()
      for (const { log, indexed } of progress.logs) {
        this.#events.advance(this.#events.logId(log), indexed)
      }
      if (progress.offset !== undefined) this.#putOffset(progress.offset)
    })
  }

  offsets(): readonly BusOffset[] {
    return this.#offsets.all().map((row) => ({
      topic: String(row['topic']),
      partition: Number(row['part']),
      next: row['next'] as bigint,
    }))
  }

  putOffsets(offsets: readonly BusOffset[]): void {
    this.#inTransaction(() => offsets.forEach((offset) => this.#putOffset(offset)))
  }

  #putOffset({ topic, partition, next }: BusOffset): void {
    this.#setOffset.run(topic, partition, next)
  }

  #take(document: IndexDocument): void {
    const log = this.#events.logId(document.log)
    if (this.#events.has(log, document)) return
    const { sessionId, producer } = document
    const session =
      sessionId === null || producer === null ? null : this.#sessions.idOf(sessionId, producer)
    const place = this.#statements.placeOf(document, session)
    const event = this.#events.insert(log, document, { session, ...place })
    this.#sessions.note(event)
    if (place.statement === null) this.#texts.add({ event, isShown: true, statement: null })
    else this.#statements.note(event, session)
  }

  #inTransaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#statements.discard()
      this.#texts.discard()
      this.#rollups.forget()
      this.#sessions.forget()
      this.#events.forget()
      throw error
    }
  }
}
