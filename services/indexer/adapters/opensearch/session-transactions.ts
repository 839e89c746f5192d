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
import { statementFold } from './fold.ts'
import { foundIn } from './found.ts'
import type { Ask } from './found.ts'
import type { IndexNames } from './index-names.ts'
import { documentIn } from './source.ts'
import type { Source } from './source.ts'

/** Most transactions have few statements that begin, end or part them. */
const firstLook = 10
/** So many stretches are looked at side by side. */
const atOnce = 8

/** A statement and the document it was read from. */
export interface Sourced {
  readonly source: Source
  readonly statement: LooseStatement
}

export function looseStatementIn(source: Source, responses: readonly number[]): LooseStatement {
  const { document, occurredUs } = documentIn(source)
  return statementOf(document, occurredUs, statementFold.parse(source), responses)
}

/** What became of the transactions of statements, from those of their sessions that touch transactions: as few as tell it. */
export class SessionTransactions {
  readonly #ask: Ask
  readonly #names: IndexNames
  readonly #refresh: (alias: string) => Promise<boolean>

  /** `refresh` resolves when questions to the alias see all that was written before, or with false where that is not allowed. */
  constructor(ask: Ask, names: IndexNames, refresh: (alias: string) => Promise<boolean>) {
    this.#ask = ask
    this.#names = names
    this.#refresh = refresh
  }

  /** Of statements in order, with none of their sessions between them. */
  async ofStretch(
    statements: readonly Sourced[],
  ): Promise<ReadonlyMap<LooseStatement, TransactionEnd>> {
    const sessions = Map.groupBy(statements, ({ source }) => source['session_key'])
    return this.#ofStretches([...sessions.values()])
  }

  /** Of statements that lie anywhere. */
  async ofEach(
    statements: readonly Sourced[],
  ): Promise<ReadonlyMap<LooseStatement, TransactionEnd>> {
    return this.#ofStretches(statements.map((each) => [each]))
  }

  async #ofStretches(
    stretches: readonly (readonly Sourced[])[],
  ): Promise<ReadonlyMap<LooseStatement, TransactionEnd>> {
    const found = new Map<LooseStatement, TransactionEnd>()
    const touched = await this.#touched(stretches.map((stretch) => keyOf(stretch[0])))
    const asked = stretches.filter((stretch) => touched.has(keyOf(stretch[0]) ?? ''))
    for (let from = 0; from < asked.length; from += atOnce) {
      const some = asked.slice(from, from + atOnce)
      const ends = await Promise.all(some.map((stretch) => this.#endsOf(stretch)))
      for (const [at, stretch] of some.entries()) {
        for (const { statement } of stretch) {
          const end = ends[at]?.get(statement.requestId)
          if (end !== undefined) found.set(statement, end)
        }
      }
    }
    return found
  }

  /** Those of the sessions that have statements that touch transactions: in most there are none. */
  async #touched(keys: readonly (string | null)[]): Promise<ReadonlySet<string>> {
    const named = [...new Set(keys.filter((key) => key !== null))]
    if (named.length === 0) return new Set()
    const body = await this.#ask(this.#names.statements, {
      size: 0,
      query: {
        bool: { filter: [{ term: { transacts: true } }, { terms: { session_key: named } }] },
      },
      aggs: { sessions: { terms: { field: 'session_key', size: named.length } } },
    })
    const { sessions } = body['aggregations'] as {
      sessions: { buckets: readonly { key: string }[] }
    }
    return new Set(sessions.buckets.map(({ key }) => key))
  }

  async #endsOf(stretch: readonly Sourced[]): Promise<ReadonlyMap<string, TransactionEnd>> {
    const key = keyOf(stretch[0]) ?? ''
    const statements = stretch.map(({ statement }) => statement)
    const [firstSeq, lastSeq] = [seqOf(stretch[0]), seqOf(stretch.at(-1))]
    const [before, after, isEnded] = await Promise.all([
      this.#side(key, { lt: firstSeq }, settlesWhatFollows),
      this.#side(key, { gt: lastSeq }, settlesWhatWas),
      this.#isEnded(key),
    ])
    const turned = { ...before, statements: before.statements.toReversed() }
    const ends = endsBetween(turned, statements, after, isEnded ? 'ended' : 'nothing_yet')
    if (!after.isAll || ![...ends.values()].some(isNotCommitted)) return ends
    // The end of a session may be seen sooner than a COMMIT that was written before it.
    const isAllSeen = await this.#refresh(this.#names.statements)
    const seen = await this.#side(key, { gt: lastSeq }, settlesWhatWas)
    return endsBetween(turned, statements, { ...seen, isAll: seen.isAll && isAllSeen }, 'ended')
  }

  /** Up to the first that settles it. */
  async #side(
    key: string,
    seq: { readonly lt: number } | { readonly gt: number },
    settles: (run: Run) => boolean,
  ): Promise<Side> {
    const order = 'lt' in seq ? 'desc' : 'asc'
    const statements: Run[] = []
    let after: readonly number[] | null = null
    for (const size of [firstLook, mostLookedAt - firstLook + 1]) {
      const body = await this.#ask(this.#names.statements, {
        size,
        query: {
          bool: {
            filter: [
              { term: { transacts: true } },
              { term: { session_key: key } },
              { range: { seq } },
            ],
          },
        },
        sort: [{ seq: order }, { tie: order }],
        ...(after === null ? {} : { search_after: after }),
      })
      const page = foundIn(body)
      for (const { source } of page) {
        if (statements.length === mostLookedAt) return { statements, isAll: false }
        const run = looseStatementIn(source, [])
        statements.push(run)
        if (settles(run)) return { statements, isAll: false }
      }
      if (page.length < size) return { statements, isAll: true }
      after = page.at(-1)?.sort ?? null
    }
    return { statements, isAll: false }
  }

  async #isEnded(key: string): Promise<boolean> {
    const body = await this.#ask(this.#names.sessions, {
      size: 1,
      _source: false,
      query: {
        bool: { filter: [{ term: { session_key: key } }, { exists: { field: 'ended_at' } }] },
      },
    })
    return foundIn(body).length > 0
  }
}

function isNotCommitted({ state }: TransactionEnd): boolean {
  return state === 'not_committed'
}

function keyOf(sourced: Sourced | undefined): string | null {
  const key = sourced?.source['session_key']
  return typeof key === 'string' ? key : null
}

function seqOf(sourced: Sourced | undefined): number {
  return Number(sourced?.source['seq'])
}
