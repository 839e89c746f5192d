import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Query } from '../../services/indexer/query.ts'
import { ALog } from '../support/a-log.ts'
import type { ASession } from '../support/a-log.ts'
import { applyRecords, openWith } from './search-index-probe.ts'
import type { SearchIndexFixture } from './search-index-probe.ts'

/** What became of the transactions that statements ran in. Which it is, `transactions/transaction-ends.ts` says and its tests show. */
export function searchIndexTransactionsContract(name: string, fixture: SearchIndexFixture): void {
  test(`${name}: a statement that was rolled back is found as such, in a search and in its session`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    run(session, 'BEGIN', 'SELECT 1', 'SAVEPOINT a', 'DELETE 1', 'ROLLBACK TO a', 'DELETE 2')
    run(session, 'COMMIT', 'DELETE 3', 'BEGIN', 'DELETE 4', 'ROLLBACK', 'BEGIN', 'DELETE 5')
    const { index, query, refresh } = await openWith(t, fixture, log.records)
    const told = {
      'SELECT 1': 'committed by COMMIT',
      'DELETE 1': 'rolled_back by ROLLBACK TO a',
      'DELETE 2': 'committed by COMMIT',
      'DELETE 3': null,
      'DELETE 4': 'rolled_back by ROLLBACK',
      'DELETE 5': 'open',
    }
    assert.deepEqual(await toldBy(query), told)

    session.end()
    await applyRecords(index, log.records.slice(-1))
    await refresh()
    assert.deepEqual(await toldBy(query), { ...told, 'DELETE 5': 'not_committed' })
  })

  test(`${name}: in whatever order its events come, and however often`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    run(session, 'BEGIN', 'DELETE 1', 'ROLLBACK', 'BEGIN', 'DELETE 2', 'COMMIT')
    session.end()
    const { index, query, refresh } = await openWith(t, fixture, [])
    for (const record of log.records.toReversed()) await applyRecords(index, [record])
    await applyRecords(index, log.records)
    await refresh()
    const told = { 'DELETE 1': 'rolled_back by ROLLBACK', 'DELETE 2': 'committed by COMMIT' }
    assert.deepEqual(await toldBy(query), told)
  })

  test(`${name}: the transactions of another producer's session of that name are another's`, async (t) => {
    const log = new ALog()
    const first = log.startSession('session-1')
    const second = log.startSession('session-1', { producer: 'edge-2' })
    run(first, 'BEGIN', 'DELETE 1')
    run(second, 'DELETE 2', 'ROLLBACK')
    run(first, 'COMMIT')
    const { query } = await openWith(t, fixture, log.records)
    assert.deepEqual(await toldBy(query), { 'DELETE 1': 'committed by COMMIT', 'DELETE 2': null })
  })

  test(`${name}: what would need more looks than are taken is unknown`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    run(session, 'BEGIN', 'DELETE 1')
    for (let count = 0; count < 150; count++) run(session, 'SAVEPOINT a')
    run(session, 'DELETE 2')
    for (let count = 0; count < 150; count++) run(session, 'SAVEPOINT a')
    run(session, 'DELETE 3', 'ROLLBACK')
    const { query } = await openWith(t, fixture, log.records)
    const found = await query.search({ kind: 'delete' })
    const states = found.hits.map(({ statement, transaction }) => [statement, transaction?.state])
    assert.deepEqual(Object.fromEntries(states), {
      'DELETE 1': 'unknown',
      'DELETE 2': 'rolled_back',
      'DELETE 3': 'unknown',
    })
  })

  test(`${name}: a page of statements in the middle of a transaction is told like the whole`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    run(session, 'BEGIN', 'DELETE 1', 'DELETE 2', 'DELETE 3', 'ROLLBACK')
    const { query } = await openWith(t, fixture, log.records)
    const { next } = await query.statements('session-1', { limit: 2 })
    const page = await query.statements('session-1', { limit: 1, ...(next && { after: next }) })
    assert.deepEqual(
      page.statements.map(({ statement, transaction }) => [statement, transaction?.state]),
      [['DELETE 2', 'rolled_back']],
    )
  })
}

/** Each with the tag that PostgreSQL gives it. */
function run(session: ASession, ...statements: readonly string[]): void {
  for (const statement of statements) {
    const [word = ''] = statement.split(' ')
    const id = session.ask(statement, { operation: word.toLowerCase() })
    session.complete(id, { command_tag: statement.startsWith('ROLLBACK') ? 'ROLLBACK' : word })
  }
}

/** What is said of each statement that is none of transactions: the same by a search and by its session. */
async function toldBy(query: Query): Promise<Record<string, string | null>> {
  const { statements } = await query.statements('session-1', { limit: 500 })
  const { hits } = await query.search({ kind: 'request.received' }, { limit: 500 })
  const names = new Map(statements.map(({ requestId, statement }) => [requestId, statement]))
  const wordsOf = (some: readonly Pick<(typeof hits)[number], 'statement' | 'transaction'>[]) =>
    Object.fromEntries(
      some
        .filter(({ statement }) => /^(?:DELETE|SELECT)/.test(statement ?? ''))
        .map(({ statement, transaction }) => {
          const by = transaction?.by ?? null
          const words = `${transaction?.state}${by === null ? '' : ` by ${names.get(by)}`}`
          return [statement, transaction === null ? null : words]
        }),
    )
  const told = wordsOf(statements)
  assert.deepEqual(wordsOf(hits), told)
  return told
}
