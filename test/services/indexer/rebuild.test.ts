import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startIndexer } from '../../../services/indexer/indexer.ts'
import { rebuildIndex } from '../../../services/indexer/rebuild.ts'
import type { SearchIndex } from '../../../services/indexer/search-index.ts'
import { everything } from '../../contracts/search-index-probe.ts'
import { ALedgerOfRecords } from '../../support/a-ledger-of-records.ts'
import { ALog, aWorkingDay } from '../../support/a-log.ts'
import { openBusAndIndex, publish, silent, untilIndexed } from './bus-with-logs.ts'

const ids = ['session-1', 'session-2', 'session-3']
const { signal } = new AbortController()

/** The index, with something that happens when its rebuild has read the ledger and is about to take its place. */
function beforeSwap(index: SearchIndex, happens: () => Promise<void>): SearchIndex {
  return {
    batchSize: index.batchSize,
    counts: index.counts,
    apply: (documents, progress) => index.apply(documents, progress),
    offset: (topic, partition) => index.offset(topic, partition),
    progress: () => index.progress(),
    missing: (log, from, to) => index.missing(log, from, to),
    reset: () => index.reset(),
    beginRebuild: async () => {
      const fresh = await index.beginRebuild()
      return {
        batchSize: fresh.batchSize,
        apply: (documents, progress) => fresh.apply(documents, progress),
        swap: async (catchUp) => {
          await happens()
          await fresh.swap(catchUp)
        },
        [Symbol.asyncDispose]: () => fresh[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: () => index[Symbol.asyncDispose](),
  }
}

function twoLogs(): readonly [ALog, ALog] {
  const one = aWorkingDay(new ALog('ledger.example/audit-events/0'))
  const two = new ALog('ledger.example/audit-events/1')
  const session = two.startSession('session-3', { producer: 'edge-2' })
  const id = session.ask('SELECT * FROM public.orders', { reads: ['public.orders'] })
  session.complete(id, { rows: 5 })
  two.sealBytes(Buffer.from('not an event'))
  return [one, two]
}

test('an index built from the ledger answers as the one built from the bus', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const logs = twoLogs()
  const ledger = new ALedgerOfRecords(logs)
  for (const { records } of logs) await publish(bus, records)
  await using _indexer = startIndexer({ bus, index, ledger, logger: silent, signal })
  for (const log of logs) await untilIndexed(index, log.origin, log.records.length + 1)
  const live = await everything(index.query, ids)

  const result = await rebuildIndex({ ledger, index, logger: silent, signal })
  assert.deepEqual(result, {
    logs: 2,
    entries: logs[0].records.length + logs[1].records.length + 2,
  })
  assert.deepEqual(await everything(index.query, ids), live)
})

test('what is sealed during a rebuild is there after it, once, and reading goes on', async (t) => {
  const { bus, index } = await openBusAndIndex(t)
  const [log] = twoLogs()
  const ledger = new ALedgerOfRecords([log])
  await publish(bus, log.records)
  await using _indexer = startIndexer({ bus, index, ledger, logger: silent, signal })
  await untilIndexed(index, log.origin, log.records.length + 1)

  const busy = beforeSwap(index, async () => {
    const session = log.startSession('session-3')
    session.ask('SELECT 3')
    await publish(bus, log.records.slice(-2))
    await untilIndexed(index, log.origin, log.records.length + 1)
    // The bus brought more than the signed head covers.
    ledger.unsigned = 1
  })
  await rebuildIndex({ ledger, index: busy, logger: silent, signal })
  const rebuilt = await everything(index.query, ids)
  const session = log.startSession('session-4')
  await publish(bus, log.records.slice(-1))
  await untilIndexed(index, log.origin, log.records.length + 1)

  const other = await openBusAndIndex(t)
  await rebuildIndex({
    ledger: new ALedgerOfRecords([log]),
    index: other.index,
    logger: silent,
    signal,
  })
  assert.deepEqual(await everything(index.query, ids), await everything(other.index.query, ids))
  assert.notDeepEqual(await everything(index.query, ids), rebuilt)
  assert.equal((await index.query.session(session.id))?.statements, 0)
})

test('a rebuild that is stopped leaves the index as it is', async (t) => {
  const { index } = await openBusAndIndex(t)
  const [log] = twoLogs()
  const ledger = new ALedgerOfRecords([log])
  await rebuildIndex({ ledger, index, logger: silent, signal })
  const before = await everything(index.query, ids)

  const stopped = AbortSignal.abort()
  await assert.rejects(rebuildIndex({ ledger, index, logger: silent, signal: stopped }), {
    name: 'AbortError',
  })
  assert.deepEqual(await everything(index.query, ids), before)
  await rebuildIndex({ ledger, index, logger: silent, signal })
  assert.deepEqual(await everything(index.query, ids), before)
})
