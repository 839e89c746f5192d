import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { topics } from '../../../services/bus/topics.ts'
import { EmbeddedIndex } from '../../../services/indexer/adapters/embedded/embedded-index.ts'
import { startIndexer } from '../../../services/indexer/indexer.ts'
import { rebuildIndex } from '../../../services/indexer/rebuild.ts'
import { reconcileIndex } from '../../../services/indexer/reconcile.ts'
import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import { everything } from '../../contracts/search-index-probe.ts'
import { ALog } from '../../support/a-log.ts'
import { anApproval, anEvent, encoded } from '../../support/an-event.ts'
import { aBus, aDirectory, ledgerOptions } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'
import { silent } from './bus-with-logs.ts'

const ids = 'abcdefghijkl'.split('').map((letter) => `session-${letter}`)

test('from a ledger at work: everything sealed is found, and a rebuild amid it answers the same', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { partitions: 2 })
  await initLedger(options)
  const stop = new AbortController()
  const { signal } = stop
  await using bus = await aBus(directory, 2)
  await using ledger = await openLedger(options)
  await using index = await EmbeddedIndex.open({ directory: join(directory, 'index') })
  const running = ledger.run(bus, signal)
  const { reader } = ledger
  await using indexer = startIndexer({ bus, index, ledger: reader, logger: silent, signal })

  // What an edge sends: sessions side by side, each under its own key.
  const edge = new ALog()
  const sessions = ids.map((id) => edge.startSession(id, { producer: 'edge-1' }))
  const ask = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      for (const session of sessions) session.complete(session.ask(`SELECT ${round} FROM numbers`))
    }
    const events = edge.records.splice(0)
    await Promise.all(
      ids.map((id) => {
        const own = events.filter(({ value }) => value.includes(id))
        const records = own.map(({ value }) => ({ value, headers: {} }))
        return bus.producer.send(topics.auditEvents, Buffer.from(id), records)
      }),
    )
  }
  const untilIndexed = (): Promise<void> =>
    until(async () => {
      const heads = await reader.logs()
      const sealed = heads.reduce((sum, { size }) => sum + size, 0)
      const progress = await index.progress()
      const indexed = progress.reduce((sum, each) => sum + each.indexed, 0)
      return sealed === ledger.durableEntries && indexed === sealed
    })

  await ask(20)
  const rebuilding = rebuildIndex({ ledger: reader, index, logger: silent, signal })
  await ask(20)
  const { logs } = await rebuilding
  assert.equal(logs, 2)
  await until(
    async () => (await index.query.activity({})).reduce((sum, { count }) => sum + count, 0) === 480,
  )
  await untilIndexed()
  for (const id of ids) assert.equal((await index.query.session(id))?.statements, 40)
  const live = await everything(index.query, ids)

  await rebuildIndex({ ledger: reader, index, logger: silent, signal })
  assert.deepEqual(await everything(index.query, ids), live)

  stop.abort()
  await Promise.all([running, indexer.done])
})

test('what was set aside stays so when the index is repaired, whatever its bytes look like', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { partitions: 1 })
  await initLedger(options)
  const stop = new AbortController()
  const { signal } = stop
  await using bus = await aBus(directory, 1)
  await using ledger = await openLedger(options)
  await using index = await EmbeddedIndex.open({ directory: join(directory, 'index') })
  const running = ledger.run(bus, signal)
  const { reader } = ledger
  const approval = anApproval()
  const forged = encoded(anEvent({ type: 'approval.granted', session_id: 's-1', approval }))
  await bus.producer.send(topics.auditEvents, Buffer.from('another session'), [
    { value: forged, headers: {} },
  ])
  await until(async () => (await reader.logs()).some(({ size }) => size === 2))
  const [head] = await reader.logs()
  await index.apply([], { logs: [{ log: head?.origin ?? '', indexed: 2 }] })
  await reconcileIndex({ ledger: reader, index, logger: silent, signal })
  const { hits } = await index.query.search({})
  assert.deepEqual(
    hits.map(({ type }) => type),
    ['quarantined'],
  )
  stop.abort()
  await running.catch(() => undefined)
})
