import type { TestContext } from 'node:test'

import { documentOf } from '../../services/indexer/documents.ts'
import type { SealedRecord } from '../../services/indexer/documents.ts'
import type { Hit, Query, SearchFilter } from '../../services/indexer/query.ts'
import { QueryError } from '../../services/indexer/query.ts'
import type { QueryErrorCode } from '../../services/indexer/query.ts'
import type { AppliedProgress, SearchIndex } from '../../services/indexer/search-index.ts'

/** What an adapter gives to the suite. */
export interface SearchIndexFixture {
  /** An index that is new and empty. Cleans up in `t.after`. */
  open(t: TestContext): Promise<OpenIndex>
}

export interface OpenIndex {
  readonly index: SearchIndex
  readonly query: Query
  /** Resolves when questions see everything that was applied. */
  readonly refresh: () => Promise<void>
  /** Ends this index and opens it again over what it has stored. The old one is of no use any more. */
  readonly restart: () => Promise<OpenIndex>
}

type Applies = Pick<SearchIndex, 'apply'>

/** Applies sealed records as one batch, with the progress they stand for. */
export async function applyRecords(
  index: Applies,
  records: readonly SealedRecord[],
  offset?: AppliedProgress['offset'],
): Promise<void> {
  await index.apply(records.map(documentOf), {
    logs: records.map(({ log, position }) => ({ log, indexed: position + 1 })),
    ...(offset === undefined ? {} : { offset }),
  })
}

/** The index with these records in it. */
export async function openWith(
  t: TestContext,
  fixture: SearchIndexFixture,
  records: readonly SealedRecord[],
): Promise<OpenIndex> {
  const opened = await fixture.open(t)
  await applyRecords(opened.index, records)
  await opened.refresh()
  return opened
}

export async function hits(query: Query, filter: SearchFilter): Promise<readonly Hit[]> {
  return (await query.search(filter)).hits
}

/** What was found, short: the statement, or the type where there is none. */
export async function found(query: Query, filter: SearchFilter): Promise<readonly string[]> {
  return (await hits(query, filter)).map((hit) => hit.statement ?? hit.type)
}

/** Every answer there is, to compare two indexes. */
export async function everything(query: Query, sessions: readonly string[]): Promise<object> {
  return {
    progress: await query.progress(),
    events: await query.search({}, { limit: 500 }),
    parts: await query.search({ kind: 'request.completed' }, { limit: 500 }),
    errors: await query.search({ outcome: 'error' }, { limit: 500 }),
    sessions: await query.sessions({}, { limit: 500 }),
    statements: await Promise.all(sessions.map((id) => query.statements(id))),
    activity: await query.activity({}),
  }
}

export function withCode(code: QueryErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof QueryError && error.code === code
}
