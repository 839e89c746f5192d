import type { DatabaseSync } from 'node:sqlite'

import type { TransactionEnd } from '../../query.ts'
import { statementOf } from '../../statement.ts'
import type { LooseStatement } from '../../statement.ts'
import type { Run } from '../../transactions/transaction-ends.ts'
import {
  endsBetween,
  mostLookedAt,
  settlesWhatFollows,
  settlesWhatWas,
} from '../../transactions/transaction-window.ts'
import type { Side } from '../../transactions/transaction-window.ts'
import { documentIn, rolesOf } from './row-documents.ts'
import type { Row } from './row-documents.ts'

/** What became of the transactions of statements, from those of their sessions that touch transactions: as few as tell it. */
export class SessionTransactions {
  readonly #before
  readonly #after
  readonly #isEnded

  constructor(db: DatabaseSync) {
    const around = (beyond: string, order: string): string =>
      `SELECT r.document, r.occurred_us, d.document AS decided, c.document AS completed
       FROM statement s
       JOIN event r ON r.id = s.received
       LEFT JOIN event d ON d.id = s.decided
       LEFT JOIN event c ON c.id = s.completed
       WHERE s.transacts = 1 AND s.session_id = ? AND s.producer = ? AND s.seq ${beyond} CAST(? AS INTEGER)
       ORDER BY s.seq ${order}`
    this.#before = db.prepare(around('<', 'DESC'))
    this.#after = db.prepare(around('>', 'ASC'))
    this.#isEnded = db.prepare(
      'SELECT 1 FROM session WHERE session_id = ? AND producer = ? AND ended IS NOT NULL',
    )
  }

  /** `rows` have `session_id`, `producer` and `seq` of the statements beside them, in order, with none of that producer between them. */
  ofStretch(
    rows: readonly Row[],
    statements: readonly LooseStatement[],
  ): ReadonlyMap<LooseStatement, TransactionEnd> {
    const found = new Map<LooseStatement, TransactionEnd>()
    const byProducer = Map.groupBy(statements.keys(), (at) => String(rows[at]?.['producer']))
    for (const places of byProducer.values()) {
      const own = places.flatMap((at) => statements[at] ?? [])
      const [first, last] = [rows[places[0] ?? 0], rows[places.at(-1) ?? 0]]
      // Without a session there is nothing that they have in common.
      if (first === undefined || last === undefined || first['session_id'] === '') continue
      const ends = this.#endsOf(first, own, last)
      for (const statement of own) {
        const end = ends.get(statement.requestId)
        if (end !== undefined) found.set(statement, end)
      }
    }
    return found
  }

  #endsOf(first: Row, statements: readonly Run[], last: Row): ReadonlyMap<string, TransactionEnd> {
    const before = sideOf(this.#before.iterate(...placeOf(first)), settlesWhatFollows)
    const after = sideOf(this.#after.iterate(...placeOf(last)), settlesWhatWas)
    const [sessionId, producer] = placeOf(first)
    const isEnded = this.#isEnded.get(sessionId, producer) !== undefined
    return endsBetween(
      { ...before, statements: before.statements.toReversed() },
      statements,
      after,
      isEnded ? 'ended' : 'nothing_yet',
    )
  }
}

function placeOf(row: Row): [string, string, string] {
  return [String(row['session_id']), String(row['producer']), String(row['seq'])]
}

/** Up to the first that settles it. */
function sideOf(rows: Iterable<Row>, settles: (run: Run) => boolean): Side {
  const statements: Run[] = []
  for (const row of rows) {
    if (statements.length === mostLookedAt) return { statements, isAll: false }
    const run = statementOf(
      documentIn(row['document']),
      Number(row['occurred_us']),
      rolesOf(row),
      [],
    )
    statements.push(run)
    if (settles(run)) return { statements, isAll: false }
  }
  return { statements, isAll: true }
}
