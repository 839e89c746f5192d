import { rangesBetween, rangesOf, positionsIn } from '../../ranges.ts'
import type { Range } from '../../search-index.ts'
import { statementParts } from '../../statement.ts'
import type { Cluster } from './cluster.ts'
import { exactTerm } from './exact-term.ts'
import type { IndexNames } from './index-names.ts'

interface Place {
  readonly cluster: Cluster
  readonly names: IndexNames
  readonly generation: number
  readonly signal: AbortSignal
}

type Clause = Readonly<Record<string, unknown>>
type Field = 'position' | 'statement_key' | 'session_key'
type Row = Readonly<Record<Field, string | number | undefined>>

const pageSize = 5_000
const keysAtOnce = 1_000

/**
 * The positions of a log that the index lacks, or has only as an entry while the statement or session it is a part of is gone. Sees what
 * is refreshed.
 */
export async function findMissing(
  place: Place,
  log: string,
  within: Range,
): Promise<readonly Range[]> {
  const { names, generation } = place
  const here: readonly Clause[] = [
    { term: { log: exactTerm(log) } },
    { range: { position: { gte: within.from, lt: within.to } } },
  ]
  const absent = await absentEntries(place, here, within)
  const isWhole = absent.length === 0
  const ofStatements = await lostParts(place, log, here, isWhole, {
    index: names.statementsIndex(generation),
    field: 'statement_key',
    types: [...statementParts],
  })
  const ofSessions = await lostParts(place, log, here, isWhole, {
    index: names.sessionsIndex(generation),
    field: 'session_key',
    types: ['session.started', 'session.ended'],
  })
  if (ofStatements.length === 0 && ofSessions.length === 0) return absent
  return rangesOf([...positionsIn(absent), ...ofStatements, ...ofSessions])
}

async function absentEntries(
  place: Place,
  here: readonly Clause[],
  within: Range,
): Promise<readonly Range[]> {
  const there = await count(place, entriesOf(place), here)
  if (there === within.to - within.from) return []
  const positions: number[] = []
  for await (const { position } of rows(place, here, ['position'])) positions.push(Number(position))
  return rangesBetween(positions, within)
}

interface Folds {
  readonly index: string
  readonly field: 'statement_key' | 'session_key'
  /** Types of entries that cannot be without their fold; the first begins it. */
  readonly types: readonly string[]
}

/** The positions of entries whose fold is gone: all that the fold is made of, wherever they stand in the log. */
async function lostParts(
  place: Place,
  log: string,
  here: readonly Clause[],
  isWhole: boolean,
  { index, field, types }: Folds,
): Promise<readonly number[]> {
  // Each start of a fold has its place in the fold: where no entry is gone and there are as many of both, no fold is.
  const starts = await count(place, entriesOf(place), [...here, { term: { type: types[0] } }])
  const folds = await count(place, index, [...here, { exists: { field: 'occurred_us' } }, isFold])
  if (isWhole && starts === folds) return []
  const keys = new Set<string>()
  const ofTypes = { terms: { type: types } }
  for await (const row of rows(
    place,
    [...here, ofTypes, { exists: { field } }],
    ['position', field],
  )) {
    keys.add(String(row[field]))
  }
  const lost: string[] = []
  const all = [...keys]
  for (let from = 0; from < all.length; from += keysAtOnce) {
    lost.push(...(await absentKeys(place, index, all.slice(from, from + keysAtOnce))))
  }
  const positions: number[] = []
  for (let from = 0; from < lost.length; from += keysAtOnce) {
    const clauses = [
      { term: { log: exactTerm(log) } },
      { terms: { [field]: lost.slice(from, from + keysAtOnce) } },
      // Of a session the start and the end make the fold up.
      ...(field === 'session_key' ? [ofTypes] : []),
    ]
    for await (const { position } of rows(place, clauses, ['position']))
      positions.push(Number(position))
  }
  return positions
}

const isFold = { terms: { role: ['statement', 'session'] } }

async function absentKeys(
  { cluster, signal }: Place,
  index: string,
  keys: readonly string[],
): Promise<readonly string[]> {
  const { body } = await cluster.insist(
    { method: 'POST', path: `/${index}/_mget`, query: { _source: false }, body: { ids: keys } },
    signal,
  )
  const docs = body['docs'] as readonly { _id: string; found?: boolean }[]
  return docs.filter(({ found }) => found !== true).map(({ _id }) => _id)
}

async function count(place: Place, index: string, clauses: readonly Clause[]): Promise<number> {
  const body = { query: { bool: { filter: clauses } } }
  const path = `/${index}/_count`
  const query = { ignore_unavailable: true, allow_no_indices: true }
  const answer = await place.cluster.insist({ method: 'POST', path, query, body }, place.signal)
  return Number(answer.body['count'])
}

/** Fields of the entries that fit, by position. */
async function* rows(
  place: Place,
  clauses: readonly Clause[],
  fields: readonly Field[],
): AsyncGenerator<Row> {
  let after: readonly unknown[] | null = null
  for (;;) {
    const { body } = await place.cluster.insist(
      {
        method: 'POST',
        path: `/${entriesOf(place)}/_search`,
        query: {
          ignore_unavailable: true,
          allow_no_indices: true,
          allow_partial_search_results: false,
        },
        body: {
          size: pageSize,
          _source: false,
          track_total_hits: false,
          docvalue_fields: fields,
          query: { bool: { filter: clauses } },
          sort: [{ position: { order: 'asc', unmapped_type: 'long' } }],
          ...(after === null ? {} : { search_after: after }),
        },
      },
      place.signal,
    )
    const { hits } = body['hits'] as {
      hits: readonly {
        fields: Readonly<Record<string, readonly (string | number)[] | undefined>>
        sort: readonly unknown[]
      }[]
    }
    for (const hit of hits) {
      yield {
        position: hit.fields['position']?.[0],
        statement_key: hit.fields['statement_key']?.[0],
        session_key: hit.fields['session_key']?.[0],
      }
    }
    const last = hits.at(-1)
    if (hits.length < pageSize || last === undefined) return
    after = last.sort
  }
}

function entriesOf({ names, generation }: Place): string {
  return `${names.prefix}-entries-${generation}-*`
}
