import type { SearchFilter, SessionSummary } from '../../query.ts'
import { sessionSummaryOf } from '../../session.ts'
import type { SessionCounts } from '../../session.ts'
import { conditionsOf, sessionConditionsOf } from './conditions.ts'
import { exactTerm } from './exact-term.ts'
import { sessionFold } from './fold.ts'
import { foundIn } from './found.ts'
import type { Ask, Found } from './found.ts'
import type { IndexNames } from './index-names.ts'
import type { Source } from './source.ts'

/** So many sessions with a fitting event are named to the engine; where there are more, most sessions fit and are looked at in order. */
const maxNamed = 2_000
const noCounts: SessionCounts = { statements: 0, held: 0, blocked: 0, errors: 0, rows: 0 }

/** Questions about sessions: a document per session says when it began and ended, its statements are counted when asked. */
export class SessionQuestions {
  readonly #ask: Ask
  readonly #names: IndexNames

  constructor(ask: Ask, names: IndexNames) {
    this.#ask = ask
    this.#names = names
  }

  /** Up to `limit` sessions, newest first, and what was found of them, one more where there is one. */
  async list(
    filter: SearchFilter,
    limit: number,
    after: readonly number[] | null,
  ): Promise<{ readonly sessions: readonly SessionSummary[]; readonly found: readonly Found[] }> {
    const found = await this.#find(filter, limit + 1, after)
    const sessions = await this.#summaries(found.slice(0, limit).map(({ source }) => source))
    return { sessions, found }
  }

  /** Two producers that claim the same id are two sessions; the earlier one has it. */
  async one(sessionId: string): Promise<SessionSummary | null> {
    const body = await this.#ask(this.#names.sessions, {
      size: 1,
      query: { bool: { filter: [isStarted, { term: { session_id: exactTerm(sessionId) } }] } },
      sort: [{ occurred_us: 'asc' }, { seq: 'asc' }, { tie: 'asc' }],
    })
    const summaries = await this.#summaries(foundIn(body).map(({ source }) => source))
    return summaries[0] ?? null
  }

  async #find(
    filter: SearchFilter,
    count: number,
    after: readonly number[] | null,
  ): Promise<readonly Found[]> {
    const ofStart = sessionConditionsOf(filter)
    if (ofStart !== null) return await this.#newest(ofStart, count, after)
    const { isOfParts, clauses } = conditionsOf(filter)
    const events = isOfParts
      ? this.#names.entries
      : `${this.#names.entries},${this.#names.statements}`
    const fitting = async (
      among: readonly object[],
      size: number,
    ): Promise<{ readonly keys: readonly string[]; readonly areAll: boolean }> => {
      const body = await this.#ask(events, {
        size: 0,
        query: { bool: { filter: [...clauses, ...among] } },
        aggs: { sessions: { terms: { field: 'session_key', size } } },
      })
      return keysIn(body)
    }
    const named = await fitting([], maxNamed)
    if (named.areAll)
      return await this.#newest([{ terms: { session_key: named.keys } }], count, after)
    const found: Found[] = []
    let from = after
    for (;;) {
      const some = await this.#newest([], maxNamed, from)
      const keys = some.map(({ source }) => String(source['session_key']))
      const fit = new Set((await fitting([{ terms: { session_key: keys } }], maxNamed)).keys)
      for (const each of some) {
        if (fit.has(String(each.source['session_key']))) found.push(each)
        if (found.length === count) return found
      }
      const last = some.at(-1)
      if (some.length < maxNamed || last === undefined) return found
      from = last.sort
    }
  }

  async #newest(
    clauses: readonly object[],
    count: number,
    after: readonly number[] | null,
  ): Promise<readonly Found[]> {
    const body = await this.#ask(this.#names.sessions, {
      size: count,
      query: { bool: { filter: [isStarted, ...clauses] } },
      sort: [{ occurred_us: 'desc' }, { seq: 'desc' }, { tie: 'desc' }],
      ...(after === null ? {} : { search_after: after }),
    })
    return foundIn(body)
  }

  async #summaries(sources: readonly Source[]): Promise<readonly SessionSummary[]> {
    if (sources.length === 0) return []
    const counts = await this.#countsOf(sources.map((source) => String(source['session_key'])))
    return sources.flatMap((source) => {
      const { start, end } = sessionFold.parse(source)
      const key = String(source['session_key'])
      return start === null ? [] : [sessionSummaryOf(start, end, counts.get(key) ?? noCounts)]
    })
  }

  async #countsOf(keys: readonly string[]): Promise<ReadonlyMap<string, SessionCounts>> {
    const body = await this.#ask(this.#names.statements, {
      size: 0,
      query: {
        bool: {
          filter: [
            { term: { role: 'statement' } },
            { term: { shown: true } },
            { terms: { session_key: keys } },
          ],
        },
      },
      aggs: {
        sessions: {
          terms: { field: 'session_key', size: keys.length },
          aggs: {
            held: { filter: { term: { 'asked.decision': 'hold' } } },
            blocked: { filter: { term: { decision: 'block' } } },
            errors: { filter: { term: { outcome: 'error' } } },
            rows: { sum: { field: 'rows' } },
          },
        },
      },
    })
    const { buckets } = (body['aggregations'] as { sessions: { buckets: readonly CountBucket[] } })
      .sessions
    return new Map(
      buckets.map((bucket) => [
        bucket.key,
        {
          statements: bucket.doc_count,
          held: bucket.held.doc_count,
          blocked: bucket.blocked.doc_count,
          errors: bucket.errors.doc_count,
          rows: bucket.rows.value,
        },
      ]),
    )
  }
}

interface CountBucket {
  readonly key: string
  readonly doc_count: number
  readonly held: { readonly doc_count: number }
  readonly blocked: { readonly doc_count: number }
  readonly errors: { readonly doc_count: number }
  readonly rows: { readonly value: number }
}

/** A session is known by its start. */
const isStarted = { exists: { field: 'occurred_us' } }

// Without the alias of the entries, before the first of them, there is no aggregation.
function keysIn(body: Record<string, unknown>): {
  readonly keys: readonly string[]
  readonly areAll: boolean
} {
  const { sessions } = (body['aggregations'] ?? {}) as {
    sessions?: { sum_other_doc_count: number; buckets: readonly { key: string }[] }
  }
  const keys = sessions?.buckets.map(({ key }) => key) ?? []
  return { keys, areAll: (sessions?.sum_other_doc_count ?? 0) === 0 }
}
