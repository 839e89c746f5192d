import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'

import { documentOf } from '../../../services/indexer/documents.ts'
import { startIndexer } from '../../../services/indexer/indexer.ts'
import { reconcileIndex } from '../../../services/indexer/reconcile.ts'
import { applyRecords, everything } from '../../contracts/search-index-probe.ts'
import { ALedgerOfRecords } from '../../support/a-ledger-of-records.ts'
import { until } from '../../support/until.ts'
import { ALog, aWorkingDay } from '../../support/a-log.ts'
import { openBusAndIndex, silent } from './bus-with-logs.ts'

const ids = ['session-1', 'session-2']
const { signal } = new AbortController()

test('what the index says it has and has not is found and written again, and a lag is no gap', async (t) => {
  const { index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  const gaps = [1, 4, 9]
  await index.apply(
    log.records.filter(({ position }) => position < 10 && !gaps.includes(position)).map(documentOf),
    { logs: [{ log: log.origin, indexed: 10 }] },
  )
  const ledger = new ALedgerOfRecords([log])
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const found = { log: log.origin, sealed: 12, indexed: 10, lag: 2, missing: 3, remaining: 0 }
  assert.deepEqual(await reconcileIndex({ ledger, index, logger, signal }), [found])
  assert.match(lines.join(''), /lacked entries/)
  assert.deepEqual(await reconcileIndex({ ledger, index, logger, signal }), [
    { ...found, missing: 0 },
  ])

  await applyRecords(index, log.records.slice(9))
  const whole = await openBusAndIndex(t)
  await applyRecords(whole.index, log.records)
  assert.deepEqual(await everything(index.query, ids), await everything(whole.index.query, ids))
})

test('what cannot be written again is said to remain', async (t) => {
  const { index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  await index.apply([], { logs: [{ log: log.origin, indexed: 5 }] })
  const refusing = new Proxy(index, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'apply') return () => Promise.resolve()
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const ledger = new ALedgerOfRecords([log])
  const [result] = await reconcileIndex({
    ledger,
    index: refusing,
    logger: silent,
    signal,
  })
  assert.deepEqual([result?.missing, result?.remaining], [4, 4])
})

test('the indexer compares by itself', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const log = aWorkingDay(new ALog())
  const ledger = new ALedgerOfRecords([log])
  await index.apply([], { logs: [{ log: log.origin, indexed: 5 }] })
  await using indexer = startIndexer({
    bus,
    index,
    ledger,
    logger: silent,
    signal,
    reconcileEveryMs: 10,
  })
  await until(() => indexer.reconciled().length > 0 && indexer.reconciled()[0]?.missing === 0)
  assert.deepEqual(await index.missing(log.origin, 0, 5), [{ from: 0, to: 1 }])
})
