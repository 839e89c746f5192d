import type { DatabaseSync } from 'node:sqlite'

import type { IndexDocument } from '../../documents.ts'
import { actorIdentity, actorNames, foldName, labelOf } from '../../terms.ts'

/** What one statement adds to its hour. */
export interface Contribution {
  readonly hourMs: number
  readonly target: string
  readonly document: IndexDocument
  readonly operation: string
  readonly decision: string
  readonly outcome: string
  readonly rows: number
}

/** Counts per hour. What a statement added is taken back when more becomes known of it, so the order of events does not matter. */
export class RollupTable {
  readonly #addActor
  readonly #actorId
  readonly #add
  readonly #sweep
  readonly #actors = new Map<string, number>()

  constructor(db: DatabaseSync) {
    this.#addActor = db.prepare(
      'INSERT INTO actor (identity, label, names) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#actorId = db.prepare('SELECT id FROM actor WHERE identity = ?')
    this.#add = db.prepare(
      `INSERT INTO rollup (hour, target, actor, operation, decision, outcome, count, rows) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count, rows = rows + excluded.rows`,
    )
    this.#sweep = db.prepare(
      `DELETE FROM rollup WHERE hour = ? AND target = ? AND actor = ? AND operation = ? AND decision = ? AND outcome = ?
       AND count = 0`,
    )
  }

  add(contribution: Contribution): void {
    this.#add.run(...this.#keyOf(contribution), 1, contribution.rows)
  }

  takeBack(contribution: Contribution): void {
    const key = this.#keyOf(contribution)
    this.#add.run(...key, -1, -contribution.rows)
    this.#sweep.run(...key)
  }

  /** Forgets the actors it saw: after a rollback their rows are gone. */
  forget(): void {
    this.#actors.clear()
  }

  #keyOf(from: Contribution): [number, string, number, string, string, string] {
    const actor = this.#actorOf(from.document)
    return [from.hourMs, from.target, actor, from.operation, from.decision, from.outcome]
  }

  #actorOf(document: IndexDocument): number {
    const identity = actorIdentity(document.actor)
    const known = this.#actors.get(identity)
    if (known !== undefined) return known
    const names = JSON.stringify([...new Set(actorNames(document).map(foldName))])
    const label = document.actor === null ? '' : labelOf(document.actor)
    this.#addActor.run(identity, label, names)
    const id = Number(this.#actorId.get(identity)?.['id'])
    if (this.#actors.size >= 10_000) this.#actors.clear()
    this.#actors.set(identity, id)
    return id
  }
}
