import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { sealedHeaders } from '../../../services/bus/topics.ts'
import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../services/ledger/adapters/files/open.ts'
import { decodeGenesis } from '../../../services/ledger/log/genesis.ts'
import {
  ChainOfEvents,
  aBus,
  aDirectory,
  ledgerOptions,
  readSealed,
  send,
} from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'

test('a new quarter begins a new log that names the final checkpoint of the one before', async (t) => {
  let nowMs = Date.UTC(2026, 11, 31, 23, 59)
  const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { clock })
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  const values = Array.from({ length: 30 }, () => chain.next().value)
  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await send(bus, 'edge-1', values.slice(0, 10))
    await until(() => ledger.durableEntries === 11)
    nowMs = Date.UTC(2027, 0, 1)
    await send(bus, 'edge-1', values.slice(10, 20))
    const sealed = await readSealed(bus, 20)
    assert.deepEqual(
      sealed.map(({ value }) => value),
      values.slice(0, 20),
    )
    const logs = sealed.map(({ headers }) => headers[sealedHeaders.log]?.toString().slice(-6))
    assert.deepEqual([logs[9], logs[10]], ['2026q4', '2027q1'])
    stop.abort()
    await running
  }
  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await send(bus, 'edge-1', values.slice(20))
    await until(async () => (await ledger.reader.logs())[1]?.size === 21)
    stop.abort()
    await running
    assert.deepEqual((await ledger.verify()).problems, [])
  }

  await using view = await openLedgerReader(options)
  const [old, young] = await view.reader.logs()
  assert.ok(old && young)
  assert.deepEqual([old.size, young.size], [11, 21])
  const genesis = decodeGenesis((await view.reader.log(young.origin)).storage.genesis, young.origin)
  assert.deepEqual(genesis.previous, { log: old.origin, checkpoint: old.checkpoint })
  const first = await view.reader.entry(young.origin, 1)
  assert.ok(first.leaf.type === 'event' && first.leaf.off === 10 && first.leaf.poff === 9)
})

test('a log of an earlier quarter that is gone, from the register too, is missed by the one after', async (t) => {
  let nowMs = Date.UTC(2026, 11, 31, 23, 59)
  const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { clock })
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  let old = ''
  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await send(bus, 'edge-1', [chain.next().value])
    await until(() => ledger.durableEntries === 2)
    old = (await ledger.reader.logs())[0]?.origin ?? ''
    nowMs = Date.UTC(2027, 0, 1)
    await send(bus, 'edge-1', [chain.next().value])
    await until(async () => (await ledger.reader.logs())[1]?.size === 2)
    stop.abort()
    await running
  }
  await rm(join(options.directory, 'logs', old), { recursive: true })
  using register = new DatabaseSync(join(options.directory, 'register.sqlite'))
  register.prepare('DELETE FROM head WHERE origin = ?').run(old)

  await using view = await openLedgerReader(options)
  assert.deepEqual((await view.verify()).problems, [
    { origin: old, file: 'logs', position: null, what: 'the whole log is missing' },
  ])
})
