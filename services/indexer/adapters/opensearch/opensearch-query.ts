import { checkedFilter, decodeCursor, encodeCursor, limitOf } from '../../page.ts'
import { QueryError } from '../../query.ts'
import type {
  ActivityBucket,
  Hit,
  IndexProgress,
  Page,
  Query,
  SearchFilter,
  SearchResult,
  SessionList,
  SessionSummary,
  StatementList,
  TransactionEnd,
} from '../../query.ts'
import { hitOf } from '../../statement.ts'
import { askActivity } from './activity.ts'
import { ClusterError } from './cluster.ts'
import type { Call, Cluster } from './cluster.ts'
import { conditionsOf } from './conditions.ts'
import { exactTerm } from './exact-term.ts'
import { statementFold } from './fold.ts'
import { foundIn } from './found.ts'
import type { Ask, Found } from './found.ts'
import type { IndexNames } from './index-names.ts'
import { SessionQuestions } from './session-questions.ts'
import { looseStatementIn, SessionTransactions } from './session-transactions.ts'
import { documentIn } from './source.ts'
import type { Source } from './source.ts'
import { StateStore } from './state-store.ts'

/** Beyond this many unanswered questions the next is refused: a waiting line only makes all answers late. */
const maxWaiting = 64
const maxSafe = Number.MAX_SAFE_INTEGER

/** The questions, answered by OpenSearch. A cursor is the order of the last document, so what comes in meanwhile disturbs no page. */
export class OpenSearchQuery implements Query {
  readonly #cluster: Cluster
  readonly #names: IndexNames
  readonly #sessions: SessionQuestions
  readonly #transactions: SessionTransactions
  #waiting = 0

  constructor(cluster: Cluster, names: IndexNames) {
    this.#cluster = cluster
    this.#names = names
    const ask: Ask = (alias, body) => this.#ask(alias, body)
    this.#sessions = new SessionQuestions(ask, names)
    this.#transactions = new SessionTransactions(ask, names, (alias) => this.#refresh(alias))
  }

  async search(filter: SearchFilter, page?: Page): Promise<SearchResult> {
    const limit = limitOf(page)
    const after = cursorOf('event', page, 3)
    const { isOfParts, clauses } = conditionsOf(filter)
    const { entries, statements } = this.#names
    const alias = isOfParts ? entries : `${entries},${statements}`
    const found = await this.#distinct(alias, clauses, limit + 1, after)
    return {
      hits: await this.#hitsIn(found.slice(0, limit).map(({ source }) => source)),
      next: nextOf('event', found, limit),
    }
  }

  async sessions(filter: SearchFilter, page?: Page): Promise<SessionList> {
    const limit = limitOf(page)
    const after = cursorOf('session', page, 3)
    const { sessions, found } = await this.#sessions.list(filter, limit, after)
    return { sessions, next: nextOf('session', found, limit) }
  }

  async session(sessionId: string): Promise<SessionSummary | null> {
    return await this.#sessions.one(sessionId)
  }

  async statements(sessionId: string, page?: Page): Promise<StatementList> {
    const limit = limitOf(page)
    const after = cursorOf('statement', page, 2)
    const body = await this.#ask(this.#names.statements, {
      size: limit + 1,
      query: {
        bool: {
          filter: [
            { term: { role: 'statement' } },
            { term: { shown: true } },
            sessionId === ''
              ? { bool: { must_not: { exists: { field: 'session_id' } } } }
              : { term: { session_id: exactTerm(sessionId) } },
          ],
        },
      },
      sort: [{ seq: 'asc' }, { tie: 'asc' }],
      ...(after === null ? {} : { search_after: after }),
    })
    const found = foundIn(body)
    const shown = found.slice(0, limit).map(({ source }) => source)
    const responses = await this.#responsesOf(
      shown.map((source) => String(source['statement_key'])),
    )
    const loose = shown.map((source) => ({
      source,
      statement: looseStatementIn(source, responses.get(String(source['statement_key'])) ?? []),
    }))
    const ends = await this.#transactions.ofStretch(loose)
    return {
      statements: loose.map(({ statement }) => ({
        ...statement,
        transaction: ends.get(statement) ?? null,
      })),
      next: nextOf('statement', found, limit),
    }
  }

  async activity(
    given: Pick<SearchFilter, 'from' | 'to' | 'target' | 'actor'>,
  ): Promise<readonly ActivityBucket[]> {
    const filter = checkedFilter(given)
    return await askActivity((body) => this.#ask(this.#names.statements, body), filter)
  }

  async progress(): Promise<readonly IndexProgress[]> {
    const state = await this.#counted(() => new StateStore(this.#names.state, this.#cluster).look())
    return state?.logs ?? []
  }

  /** Up to `count` documents in order, copies of the same bytes as one. */
  async #distinct(
    alias: string,
    clauses: readonly object[],
    count: number,
    after: readonly number[] | null,
  ): Promise<readonly Found[]> {
    const found: Found[] = []
    let from = after
    for (;;) {
      const body = await this.#ask(alias, {
        size: count,
        query: { bool: { filter: clauses } },
        sort: [
          { occurred_us: newest },
          { seq: newest },
          { tie: newest },
          // Of copies the first in the log.
          { position: { order: 'asc', unmapped_type: 'long' } },
        ],
        // Nothing that stands with the last document: its copies are passed over.
        ...(from === null ? {} : { search_after: [...from, maxSafe] }),
      })
      const page = foundIn(body)
      for (const each of page) {
        if (!isCopy(found.at(-1), each)) found.push(each)
        if (found.length === count) return found
      }
      const last = page.at(-1)
      if (page.length < count || last === undefined) return found
      from = last.sort.slice(0, 3)
    }
  }

  /** The positions of recorded results, by statement, in the order of their chunks. */
  async #responsesOf(keys: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const positions = new Map<string, number[]>()
    if (keys.length === 0) return positions
    const seen = new Set<number>()
    let after: readonly unknown[] | null = null
    const size = 5_000
    for (;;) {
      const body = await this.#ask(this.#names.entries, {
        size,
        _source: ['statement_key', 'position', 'tie'],
        query: {
          bool: {
            filter: [{ term: { type: 'response.recorded' } }, { terms: { statement_key: keys } }],
          },
        },
        sort: ['statement_key', 'chunk', 'position'].map((field) => ({
          [field]: { order: 'asc', unmapped_type: field === 'statement_key' ? 'keyword' : 'long' },
        })),
        ...(after === null ? {} : { search_after: after }),
      })
      const page = foundIn(body)
      for (const { source } of page) {
        const tie = Number(source['tie'])
        if (seen.has(tie)) continue
        seen.add(tie)
        const key = String(source['statement_key'])
        const known = positions.get(key)
        if (known === undefined) positions.set(key, [Number(source['position'])])
        else known.push(Number(source['position']))
      }
      const last = page.at(-1)
      if (page.length < size || last === undefined) return positions
      after = last.sort
    }
  }

  async #hitsIn(sources: readonly Source[]): Promise<readonly Hit[]> {
    const ran = sources
      .filter((source) => source['role'] === 'statement' && source['outcome'] === 'ok')
      .map((source) => ({ source, statement: looseStatementIn(source, []) }))
    const ends = await this.#transactions.ofEach(ran)
    const endOf = new Map(ran.map(({ source, statement }) => [source, ends.get(statement)]))
    return sources.map((source) => hitIn(source, endOf.get(source) ?? null))
  }

  async #refresh(alias: string): Promise<boolean> {
    const call: Call = { method: 'POST', path: `/${alias}/_refresh`, query: {} }
    return await this.#counted(async () => {
      try {
        await this.#cluster.ask(call)
        return true
      } catch (error) {
        if (error instanceof ClusterError && error.status === 403) return false
        throw error
      }
    })
  }

  async #ask(alias: string, body: object): Promise<Record<string, unknown>> {
    const call: Call = {
      method: 'POST',
      path: `/${alias}/_search`,
      // The entries' alias begins with the first entry. What some shard did not answer must not look like the whole.
      query: { ignore_unavailable: true, allow_partial_search_results: false },
      body: { track_total_hits: false, ...body },
    }
    return await this.#counted(async () => {
      const { body } = await this.#cluster.ask(call)
      if (body['timed_out'] === true) throw new ClusterError(0, 'timed_out', 'the search timed out')
      return body
    })
  }

  async #counted<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaiting) {
      throw new QueryError(
        'QUERY_BUSY',
        `${maxWaiting} questions are waiting for an answer; try again`,
        { fault: { engine, status: null, type: 'too many questions wait' } },
      )
    }
    this.#waiting += 1
    try {
      return await ask()
    } catch (error) {
      throw queryError(error)
    } finally {
      this.#waiting -= 1
    }
  }
}

const engine = 'opensearch'
const newest = { order: 'desc', unmapped_type: 'long' }

function cursorOf(kind: string, page: Page | undefined, parts: number): readonly number[] | null {
  return page?.after === undefined ? null : decodeCursor(kind, page.after, parts).map(Number)
}

/** One more than asked for was read: then there is a next page, after the last of this one. */
function nextOf(kind: string, found: readonly Found[], limit: number): string | null {
  const last = found[limit - 1]
  if (found.length <= limit || last === undefined) return null
  return encodeCursor(kind, kind === 'statement' ? last.sort : last.sort.slice(0, 3))
}

function isCopy(one: Found | undefined, other: Found): boolean {
  if (one === undefined) return false
  const isBeside = one.sort.slice(0, 3).every((value, at) => value === other.sort[at])
  return isBeside && one.source['tie'] === other.source['tie']
}

function hitIn(source: Source, transaction: TransactionEnd | null): Hit {
  const { document, occurredUs } = documentIn(source)
  const isWhole = source['role'] === 'statement'
  const told = isWhole ? statementFold.parse(source) : { decided: null, completed: null }
  return hitOf(document, occurredUs, told, transaction)
}

function queryError(error: unknown): Error {
  if (error instanceof QueryError) return error
  if (!(error instanceof ClusterError)) throw error
  const { status, type } = error
  const options = {
    cause: error,
    fault: { engine, status: status === 0 ? null : status, type },
  } as const
  if (error.status === 429) {
    return new QueryError('QUERY_BUSY', 'the index has too much to do; try again', options)
  }
  const where = error.status === 0 ? 'it does not answer' : `${error.status} ${error.type}`
  return new QueryError('QUERY_UNAVAILABLE', `the index could not be read: ${where}`, options)
}
