import type { DatabaseSync } from 'node:sqlite'

import { firstOfSession } from '../../session.ts'
import type { SessionCounts } from '../../session.ts'
import type { EventTable, Located } from './event-table.ts'

const maxIds = 10_000

/** The rows of `session`. Which of several starts or ends counts depends on the producer's order, not on when they came. */
export class SessionTable {
  readonly #ids = new Map<string, number>()
  readonly #add
  readonly #find
  readonly #setStarted
  readonly #setEnded
  readonly #count
  readonly #events: EventTable

  constructor(db: DatabaseSync, events: EventTable) {
    this.#events = events
    this.#add = db.prepare(
      'INSERT INTO session (session_id, producer) VALUES (?, ?) ON CONFLICT DO NOTHING',
    )
    this.#find = db.prepare(
      'SELECT id, started, ended FROM session WHERE session_id = ? AND producer = ?',
    )
    this.#find.setReadBigInts(true)
    this.#setStarted = db.prepare('UPDATE session SET started = ? WHERE id = ?')
    this.#setEnded = db.prepare('UPDATE session SET ended = ? WHERE id = ?')
    this.#count = db.prepare(
      `UPDATE session SET statements = statements + ?, held = held + ?, blocked = blocked + ?, errors = errors + ?, rows = rows + ?
       WHERE id = ?`,
    )
  }

  idOf(sessionId: string, producer: string): number {
    const key = JSON.stringify([sessionId, producer])
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    this.#add.run(sessionId, producer)
    const id = Number(this.#find.get(sessionId, producer)?.['id'])
    if (this.#ids.size >= maxIds) this.#ids.clear()
    this.#ids.set(key, id)
    return id
  }

  /** After a rollback the rows of sessions it saw may be gone. */
  forget(): void {
    this.#ids.clear()
  }

  /** Takes note of a start or an end; other events change nothing here. */
  note(event: Located): void {
    const { type, sessionId, producer } = event.document
    if (sessionId === null || producer === null) return
    if (type !== 'session.started' && type !== 'session.ended') return
    const row = this.#find.get(sessionId, producer)
    const known = row?.[type === 'session.started' ? 'started' : 'ended']
    if (typeof known === 'bigint') {
      const { document } = this.#events.read(known)
      if (firstOfSession(document, event.document) === document) return
    }
    const set = type === 'session.started' ? this.#setStarted : this.#setEnded
    set.run(event.id, row?.['id'] ?? null)
  }

  count(session: number, before: SessionCounts | null, after: SessionCounts): void {
    this.#count.run(
      after.statements - (before?.statements ?? 0),
      after.held - (before?.held ?? 0),
      after.blocked - (before?.blocked ?? 0),
      after.errors - (before?.errors ?? 0),
      after.rows - (before?.rows ?? 0),
      session,
    )
  }
}
