import type { DatabaseSync } from 'node:sqlite'

import { encodeCursor } from '../../page.ts'
import type {
  ActivityBucket,
  Hit,
  IndexProgress,
  SearchResult,
  SessionList,
  SessionSummary,
  StatementList,
} from '../../query.ts'
import { rangesBetween } from '../../ranges.ts'
import type { Range } from '../../search-index.ts'
import { sessionSummaryOf } from '../../session.ts'
import { hitOf, statementOf } from '../../statement.ts'
import type { LooseStatement } from '../../statement.ts'
import { keyRange } from './order-key.ts'
import type { Question } from './question.ts'
import { documentIn, documentOrNull, rolesOf } from './row-documents.ts'
import type { Row } from './row-documents.ts'
import { SessionTransactions } from './session-transactions.ts'

export interface ActivityQuestion {
  readonly fromMs: number | null
  readonly toMs: number | null
  /** Both folded. */
  readonly target: string | null
  readonly actor: string | null
}

/** The questions, answered from one connection. Row ids are texts here: they go beyond what a number holds exactly. */
export class IndexReader {
  readonly #db: DatabaseSync
  readonly #transactions: SessionTransactions

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#transactions = new SessionTransactions(db)
  }

  search(question: Question, limit: number, after: bigint | null): SearchResult {
    const { from, args } = matching(question, after)
    const rows = this.#db
      .prepare(
        `SELECT CAST(e.id AS TEXT) AS id, e.document, e.occurred_us, d.document AS decided, c.document AS completed,
                s.producer, s.session_id, CAST(s.seq AS TEXT) AS seq
         FROM (SELECT e.id ${from} ORDER BY ${question.match === null ? 'e.id' : 'f.rowid'} DESC LIMIT ?) AS page
         JOIN event e ON e.id = page.id
         LEFT JOIN statement s ON s.received = e.id
         LEFT JOIN event d ON d.id = s.decided
         LEFT JOIN event c ON c.id = s.completed
         ORDER BY e.id DESC`,
      )
      .all(...args, limit + 1)
    const hits = rows.slice(0, limit).map((row) => this.#hitOf(row))
    return { hits, next: nextOf('event', rows, limit, ['id']) }
  }

  sessions(question: Question, limit: number, after: bigint | null): SessionList {
    const { among, args } = amongSessions(question)
    const rows = this.#db
      .prepare(
        `${sessionColumns} WHERE s.started IS NOT NULL AND s.started < ? ${among}
         ORDER BY s.started DESC LIMIT ?`,
      )
      .all(after ?? maxKey, ...args, limit + 1)
    const sessions = rows.slice(0, limit).map(summaryOf)
    return { sessions, next: nextOf('session', rows, limit, ['id']) }
  }

  session(sessionId: string): SessionSummary | null {
    // Two producers that claim the same id are two sessions; the earlier one has it.
    const row = this.#db
      .prepare(
        `${sessionColumns} WHERE s.session_id = ? AND s.started IS NOT NULL ORDER BY s.started LIMIT 1`,
      )
      .get(sessionId)
    return row === undefined ? null : summaryOf(row)
  }

  statements(sessionId: string, limit: number, after: readonly bigint[] | null): StatementList {
    const [seq, id] = after ?? []
    const rows = this.#db
      .prepare(
        `SELECT CAST(s.id AS TEXT) AS id, CAST(s.seq AS TEXT) AS seq, s.producer, s.session_id, r.document, r.occurred_us,
                d.document AS decided, c.document AS completed
         FROM statement s
         JOIN event r ON r.id = s.received
         LEFT JOIN event d ON d.id = s.decided
         LEFT JOIN event c ON c.id = s.completed
         WHERE s.session_id = ? AND s.received IS NOT NULL AND (s.seq, s.id) > (?, ?)
         ORDER BY s.seq, s.id LIMIT ?`,
      )
      .all(sessionId, seq ?? minKey, id ?? minKey, limit + 1)
    const page = rows.slice(0, limit)
    const loose = page.map((row) => this.#statementOf(row))
    const ends = this.#transactions.ofStretch(page, loose)
    const statements = loose.map((each) => ({ ...each, transaction: ends.get(each) ?? null }))
    return { statements, next: nextOf('statement', rows, limit, ['seq', 'id']) }
  }

  activity({ fromMs, toMs, target, actor }: ActivityQuestion): readonly ActivityBucket[] {
    const rows = this.#db
      .prepare(
        `SELECT r.hour, r.target, a.label, r.operation, r.decision, r.outcome, sum(r.count) AS count, sum(r.rows) AS rows
         FROM rollup r JOIN actor a ON a.id = r.actor
         WHERE r.hour >= ? AND r.hour < ? AND (?3 IS NULL OR fold(r.target) = ?3)
           AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(a.names) n WHERE n.value = ?4))
         GROUP BY r.hour, r.target, r.actor, r.operation, r.decision, r.outcome
         ORDER BY r.hour DESC, r.target, a.label, r.operation, r.decision, r.outcome, a.identity`,
      )
      .all(fromMs ?? minKey, toMs ?? maxKey, target, actor)
    return rows.map((row) => ({
      hourMs: Number(row['hour']),
      target: String(row['target']),
      actor: String(row['label']),
      operation: String(row['operation']),
      decision: String(row['decision']),
      outcome: String(row['outcome']),
      count: Number(row['count']),
      rows: Number(row['rows']),
    }))
  }

  progress(): readonly IndexProgress[] {
    const rows = this.#db.prepare('SELECT origin, indexed FROM log ORDER BY origin').all()
    return rows.map((row) => ({ log: String(row['origin']), indexed: Number(row['indexed']) }))
  }

  missing(log: string, from: number, to: number): readonly Range[] {
    const positions = this.#db
      .prepare(
        `SELECT position FROM event WHERE log = ?1 AND position >= ?2 AND position < ?3
         UNION SELECT position FROM copy WHERE log = ?1 AND position >= ?2 AND position < ?3 ORDER BY position`,
      )
      .all(this.#logId(log), from, to)
    return rangesBetween(
      positions.map((row) => Number(row['position'])),
      { from, to },
    )
  }

  #logId(origin: string): number {
    return Number(this.#db.prepare('SELECT id FROM log WHERE origin = ?').get(origin)?.['id'] ?? -1)
  }

  #hitOf(row: Row): Hit {
    const document = documentIn(row['document'])
    const occurredUs = Number(row['occurred_us'])
    const roles = rolesOf(row)
    const statement = statementOf(document, occurredUs, roles, [])
    // What is found by itself is no statement, and what did not run was in no transaction.
    const isRun = row['producer'] !== null && statement.outcome === 'ok'
    const ends = isRun ? this.#transactions.ofStretch([row], [statement]) : null
    return hitOf(document, occurredUs, roles, ends?.get(statement) ?? null)
  }

  #statementOf(row: Row): LooseStatement {
    const positions = this.#db
      .prepare(
        `SELECT position FROM event WHERE statement = ? AND type = 'response.recorded' ORDER BY chunk, position`,
      )
      .all(BigInt(String(row['id'])))
    return statementOf(
      documentIn(row['document']),
      Number(row['occurred_us']),
      rolesOf(row),
      positions.map((each) => Number(each['position'])),
    )
  }
}

const minKey = -(2n ** 63n)
const maxKey = 2n ** 63n - 1n

/** FROM and WHERE over the events that fit; `f.rowid` and `e.id` are the same. */
function matching(
  { match, fromUs, toUs }: Question,
  after: bigint | null,
): { readonly from: string; readonly args: Args } {
  const range = keyRange(fromUs, toUs)
  const key = match === null ? 'e.id' : 'f.rowid'
  const args: (string | bigint)[] = match === null ? [] : [match]
  const conditions = match === null ? ['e.is_shown = 1'] : ['f.search MATCH ?']
  conditions.push(`${key} >= ?`, `${key} < ?`)
  args.push(range.from, after !== null && after < range.to ? after : range.to)
  if (fromUs !== null) {
    conditions.push('e.occurred_us >= ?')
    args.push(BigInt(fromUs))
  }
  if (toUs !== null) {
    conditions.push('e.occurred_us < ?')
    args.push(BigInt(toUs))
  }
  const tables = match === null ? 'event e' : 'search f CROSS JOIN event e ON e.id = f.rowid'
  return { from: `FROM ${tables} WHERE ${conditions.join(' AND ')}`, args }
}

/** Narrows sessions to those with an event that fits. By time alone that is one look per session, newest first, until the page is full. */
function amongSessions(question: Question): { readonly among: string; readonly args: Args } {
  if (question.match === null && question.fromUs === null && question.toUs === null) {
    return { among: '', args: [] }
  }
  const { from, args } = matching(question, null)
  return question.match === null
    ? { among: `AND EXISTS (SELECT 1 ${from} AND e.session = s.id)`, args }
    : { among: `AND s.id IN (SELECT e.session ${from})`, args }
}

type Args = readonly (string | bigint)[]

const sessionColumns = `
  SELECT CAST(s.started AS TEXT) AS id, b.document AS begin, b.occurred_us AS begun_us, f.document AS finish, f.occurred_us AS ended_us,
         s.statements, s.held, s.blocked, s.errors, s.rows
  FROM session s JOIN event b ON b.id = s.started LEFT JOIN event f ON f.id = s.ended`

function summaryOf(row: Row): SessionSummary {
  const begin = documentIn(row['begin'])
  const finish = documentOrNull(row['finish'])
  return sessionSummaryOf(
    { document: begin, occurredUs: Number(row['begun_us']) },
    finish && { session: finish.session, occurredUs: Number(row['ended_us']) },
    {
      statements: Number(row['statements']),
      held: Number(row['held']),
      blocked: Number(row['blocked']),
      errors: Number(row['errors']),
      rows: Number(row['rows']),
    },
  )
}

/** A row more than asked for was read: then there is a next page, after the last row of this one. */
function nextOf(
  kind: string,
  rows: readonly Row[],
  limit: number,
  parts: readonly string[],
): string | null {
  const last = rows[limit - 1]
  if (rows.length <= limit || last === undefined) return null
  return encodeCursor(
    kind,
    parts.map((part) => String(last[part])),
  )
}
