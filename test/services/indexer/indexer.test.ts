import assert from 'node:assert/strict'
import { test } from 'node:test'

import { topics } from '../../../services/bus/topics.ts'
import { IndexError } from '../../../services/indexer/search-index.ts'
import { startIndexer } from '../../../services/indexer/indexer.ts'
import { missingRanges } from '../../../services/indexer/ledger-gaps.ts'
import { everything } from '../../contracts/search-index-probe.ts'
import { ALedgerOfRecords } from '../../support/a-ledger-of-records.ts'
import { ALog, aWorkingDay } from '../../support/a-log.ts'
import { openBusAndIndex, publish, silent, untilIndexed } from './bus-with-logs.ts'
import { until } from '../../support/until.ts'

const ids = ['session-1', 'session-2']
const { signal } = new AbortController()

test('what is sealed is found, and reading goes on where it stopped', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  await publish(bus, log.records.slice(0, 4))
  {
    await using indexer = startIndexer({ bus, index, logger: silent, signal })
    await untilIndexed(index, log.origin, 5)
    assert.deepEqual(indexer.lag(), [{ partition: 0, records: 0 }])
  }
  const offset = await index.offset(topics.ledgerSealed, 0)
  assert.ok(offset !== null && offset > 0n)

  // A publisher that died sends again what it is not sure of.
  await publish(bus, log.records.slice(2))
  await using indexer = startIndexer({ bus, index, logger: silent, signal })
  await untilIndexed(index, log.origin, log.records.length + 1)
  assert.equal((await index.query.search({})).hits.length, 8)
  assert.equal((await index.query.session('session-1'))?.statements, 2)
  await indexer[Symbol.asyncDispose]()
  await indexer.done
})

test('a record that no ledger sent is passed over', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  const headers = { 'affidavit-log': Buffer.from(log.origin) }
  await bus.producer.send(topics.ledgerSealed, Buffer.from('k'), [
    { value: Buffer.from('x'), headers },
  ])
  await publish(bus, log.records)
  await using _indexer = startIndexer({ bus, index, logger: silent, signal })
  await untilIndexed(index, log.origin, log.records.length + 1)
  assert.deepEqual((await index.query.search({ kind: 'quarantined' })).hits, [])
})

test('what the bus does not bring is taken from the ledger before progress claims it', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  const sparse = log.records.filter(({ position }) => ![1, 2, 6, 8].includes(position))
  await publish(bus, sparse)
  const ledger = new ALedgerOfRecords([log])
  await using _indexer = startIndexer({ bus, index, ledger, logger: silent, signal })
  await untilIndexed(index, log.origin, log.records.length + 1)

  const whole = await openBusAndIndex(t)
  await publish(whole.bus, log.records)
  await using _other = startIndexer({ ...whole, logger: silent, signal })
  await untilIndexed(whole.index, log.origin, log.records.length + 1)
  assert.deepEqual(await everything(index.query, ids), await everything(whole.index.query, ids))
})

test('what the bus dropped while the indexer was away is taken from the ledger, or ends it', async (t) => {
  let nowMs = Date.UTC(2026, 10, 25)
  const { bus, index } = await openBusAndIndex(t, { clock: () => nowMs, retentionEveryMs: 20 })
  const log = aWorkingDay(new ALog())
  await publish(bus, log.records.slice(0, 2))
  {
    await using _indexer = startIndexer({ bus, index, logger: silent, signal })
    await untilIndexed(index, log.origin, 3)
  }
  await publish(bus, log.records.slice(2, 8))
  nowMs += 3_600_000
  await publish(bus, log.records.slice(8))
  await until(async () => (await bus.watermarks(topics.ledgerSealed, 0)).low >= 8n)

  const without = startIndexer({ bus, index, logger: silent, signal })
  await assert.rejects(without.done, { code: 'BUS_OFFSET_OUT_OF_RANGE' })
  await without[Symbol.asyncDispose]()

  const ledger = new ALedgerOfRecords([log])
  await using _indexer = startIndexer({ bus, index, ledger, logger: silent, signal })
  await untilIndexed(index, log.origin, log.records.length + 1)
  assert.equal((await index.query.search({})).hits.length, 8)
})

test('what an index does not take is counted as behind', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  t.mock.method(index, 'apply', () => Promise.reject(new IndexError('INDEX_FAILED', 'no room')))
  const log = aWorkingDay(new ALog())
  await publish(bus, log.records.slice(0, 3))
  await using indexer = startIndexer({ bus, index, logger: silent, signal })
  await until(() => indexer.lag().length > 0)
  assert.deepEqual(indexer.lag(), [{ partition: 0, records: 3 }])
  assert.equal(indexer.applied(), 0)
  t.mock.restoreAll()
  await untilIndexed(index, log.origin, 4)
  assert.deepEqual(indexer.lag(), [{ partition: 0, records: 0 }])
  assert.equal(indexer.applied(), 3)
})

test('an index that is gone ends the indexer, so that somebody notices', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  await publish(bus, log.records.slice(0, 2))
  await using indexer = startIndexer({ bus, index, logger: silent, signal })
  await untilIndexed(index, log.origin, 3)
  await index[Symbol.asyncDispose]()
  await publish(bus, log.records.slice(2))
  await assert.rejects(indexer.done, { code: 'INDEX_CLOSED' })
})

test('missing positions become few ranges, what follows on the indexed ones apart', () => {
  assert.deepEqual(missingRanges(5, [5, 6, 7]), [])
  assert.deepEqual(missingRanges(0, [1]), [{ from: 0, to: 1 }])
  assert.deepEqual(missingRanges(5, [12, 7, 9, 4]), [
    { from: 5, to: 7 },
    { from: 8, to: 12 },
  ])
  const present = Array.from({ length: 94 }, (_, at) => 7 + at)
  assert.deepEqual(missingRanges(5, [5, ...present, 200, 202]), [
    { from: 6, to: 7 },
    { from: 101, to: 202 },
  ])
})
