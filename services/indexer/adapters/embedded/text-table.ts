import type { DatabaseSync } from 'node:sqlite'

import { decisionsOf } from '../../statement.ts'
import type { StatementEvents } from '../../statement.ts'
import { actorNames, approverNames } from '../../terms.ts'
import type { Located } from './event-table.ts'
import { FacetTokens, facetsOf } from './facets.ts'

export interface TextRow {
  readonly event: Located
  readonly isShown: boolean
  /** Given for the event that its statement is found as. */
  readonly statement: StatementEvents | null
}

/** The full text. Rows gather and are written once at the end of a batch, in order: the engine starts a segment for each step back. */
export class TextTable {
  readonly #tokens = new FacetTokens()
  readonly #insert
  readonly #delete
  readonly #pending = new Map<bigint, TextRow>()
  readonly #written = new Set<bigint>()

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      'INSERT INTO search (rowid, statement, relations, names, remarks, facets) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#delete = db.prepare('DELETE FROM search WHERE rowid = ?')
  }

  add(row: TextRow): void {
    this.#pending.set(row.event.id, row)
  }

  /** As `add`, for a row that may have been written by an earlier batch. */
  replace(row: TextRow): void {
    if (!this.#pending.has(row.event.id)) this.#written.add(row.event.id)
    this.#pending.set(row.event.id, row)
  }

  flush(): void {
    for (const id of [...this.#written].sort(ascending)) this.#delete.run(id)
    for (const id of [...this.#pending.keys()].sort(ascending)) {
      const row = this.#pending.get(id)
      if (row !== undefined) this.#insert.run(id, ...this.#columnsOf(row))
    }
    this.discard()
  }

  discard(): void {
    this.#pending.clear()
    this.#written.clear()
  }

  #columnsOf({ event, isShown, statement }: TextRow): string[] {
    const { document } = event
    const { request } = document
    const told = [document, statement?.decided ?? null, statement?.completed ?? null]
    const remarks = new Set([
      ...approverNames(document),
      ...told.flatMap((one) => one?.remarks ?? []),
    ])
    const decisions = decisionsOf(document, statement?.decided ?? null)
    const outcome = (statement?.completed ?? document).completion?.outcome ?? null
    return [
      request?.text ?? '',
      [...(request?.reads ?? []), ...(request?.writes ?? [])].join('\n'),
      [...actorNames(document), document.target?.name ?? '', document.producer ?? ''].join('\n'),
      [...remarks].join('\n'),
      facetsOf(document, { isShown, decisions, outcome }, this.#tokens),
    ]
  }
}

function ascending(one: bigint, other: bigint): number {
  return one < other ? -1 : 1
}
