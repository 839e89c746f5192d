import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'

import { documentOf } from '../../services/indexer/documents.ts'
import { reconcileIndex } from '../../services/indexer/reconcile.ts'
import { applyRecords, everything } from '../contracts/search-index-probe.ts'
import { silent } from '../services/indexer/bus-with-logs.ts'
import { ALedgerOfRecords } from '../support/a-ledger-of-records.ts'
import { ALog, aWorkingDay } from '../support/a-log.ts'
import { openIndexAt, withOpenSearch } from './search-engine.ts'

const ids = ['session-1', 'session-2']
const { signal } = new AbortController()

await withOpenSearch('reconciliation with OpenSearch', ({ url }) => {
  test('entries, statements and sessions deleted behind its back are found and written again', async (t) => {
    const prefix = `test-${randomUUID()}`
    const index = await openIndexAt(t, url, prefix)
    const log = aWorkingDay(new ALog())
    const ledger = new ALedgerOfRecords([log])
    await applyRecords(index, log.records)
    await index.refresh()
    const before = await everything(index.query, ids)
    const sealed = log.records.length + 1
    const result = { log: log.origin, sealed, indexed: sealed, lag: 0, missing: 0, remaining: 0 }
    const reconcile = () => reconcileIndex({ ledger, index, logger: silent, signal })
    assert.deepEqual(await reconcile(), [result])

    await deleteWhere(url, prefix, { terms: { position: [3, 4, 8] } })
    await deleteWhere(url, `${prefix}-statements`, { term: { operation: 'update' } })
    await deleteWhere(url, `${prefix}-sessions`, { term: { session_id: 'session-1' } })
    assert.notDeepEqual(await everything(index.query, ids), before)
    // Entries 3, 4 and 8, the last of which the update was received with; its completion; the session's start and end.
    assert.deepEqual(await reconcile(), [{ ...result, missing: 6 }])
    await index.refresh()
    assert.deepEqual(await everything(index.query, ids), before)
    assert.deepEqual(await reconcile(), [result])
  })

  test('a whole index that is gone comes back, with its alias', async (t) => {
    const prefix = `test-${randomUUID()}`
    const index = await openIndexAt(t, url, prefix)
    const log = aWorkingDay(new ALog())
    const ledger = new ALedgerOfRecords([log])
    await applyRecords(index, log.records)
    await index.refresh()
    const before = await everything(index.query, ids)
    const name = Object.keys(await call(url, 'GET', `/${prefix}/_alias`))[0] ?? ''
    await call(url, 'DELETE', `/${name}`)

    const options = { ledger, index, logger: silent, signal }
    assert.equal((await reconcileIndex(options))[0]?.missing, log.records.length)
    assert.equal((await reconcileIndex(options))[0]?.missing, 0)
    await index.refresh()
    assert.deepEqual(await everything(index.query, ids), before)
  })

  test('a document that the mapping refuses is put aside with its bytes, the rest is indexed', async (t) => {
    const prefix = `test-${randomUUID()}`
    const log = aWorkingDay(new ALog())
    const index = await openIndexAt(t, url, prefix)
    const letter = log.seal({ type: 'edge.sealed' })
    // No event makes such a document; another mapping than ours would refuse one that does.
    const bad = { ...documentOf(letter), chunk: 2 ** 63 }
    await index.apply([...log.records.slice(0, -1).map(documentOf), bad], {
      logs: [{ log: log.origin, indexed: log.records.length + 1 }],
    })
    await index.refresh()
    assert.equal(index.counts.deadLetters, 1)
    assert.equal((await index.query.search({})).hits.length, 8)
    await call(url, 'POST', `/${prefix}-dead-letters/_refresh`)
    const { hits } = (await call(url, 'GET', `/${prefix}-dead-letters/_search`)) as {
      hits: { hits: { _source: Record<string, unknown> }[] }
    }
    const [found] = hits.hits
    assert.ok(found && hits.hits.length === 1)
    const { log: origin, position, status, entry } = found._source
    assert.deepEqual([origin, position, status], [log.origin, letter.position, 400])
    assert.deepEqual((entry as { value: string }).value, letter.value.toString('base64'))

    // As long as the cause is there, reconciliation names what is not; then it writes it.
    const ledger = new ALedgerOfRecords([log])
    const [result] = await reconcileIndex({ ledger, index, logger: silent, signal })
    assert.deepEqual([result?.missing, result?.remaining], [1, 0])
  })
})

async function deleteWhere(url: string, index: string, query: object): Promise<void> {
  const answer = await call(url, 'POST', `/${index}/_delete_by_query?refresh=true`, { query })
  assert.ok(Number(answer['deleted']) > 0)
}

async function call(
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
  return (await response.json()) as Record<string, unknown>
}
