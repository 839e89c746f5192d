import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join } from 'node:path'

import { sealedHeaders, topics } from '../../../../services/bus/topics.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import { FileLedgerStorage } from '../../../../services/ledger/adapters/files/file-ledger-storage.ts'
import { initLedger, openLedger } from '../../../../services/ledger/adapters/files/open.ts'
import { openLedger as openLedgerOn } from '../../../../services/ledger/ledger.ts'
import {
  ChainOfEvents,
  aBus,
  aDirectory,
  ledgerOptions,
  readSealed,
  send,
} from '../../../support/a-ledger.ts'
import { until } from '../../../support/until.ts'
import { FaultyStorage, writeSteps } from '../../../support/faulty-storage.ts'

test('each partition has its log, and what is published comes in order within a key', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { partitions: 3 })
  await initLedger(options)
  await using bus = await aBus(directory, 3)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const sent = new Map<string, string[]>()
  await Promise.all(
    keys.map(async (key) => {
      const chain = new ChainOfEvents(key)
      for (let batch = 0; batch < 6; batch++) {
        const events = Array.from({ length: 10 }, () => chain.next({ session_id: key }))
        sent.set(key, [...(sent.get(key) ?? []), ...events.map(({ event }) => event.id)])
        await send(
          bus,
          key,
          events.map(({ value }) => value),
        )
      }
    }),
  )
  const sealed = await readSealed(bus, 480)
  stop.abort()
  await running

  const logs = await ledger.reader.logs()
  assert.equal(logs.length, 3)
  const published = new Map<string, string[]>()
  for (const { headers, key } of sealed) {
    const log = headers[sealedHeaders.log]?.toString() ?? ''
    const position = Number(headers[sealedHeaders.position]?.toString())
    const entry = await ledger.reader.entry(log, position)
    assert.deepEqual(headers[sealedHeaders.leafHash], entry.leafHash)
    assert.ok(entry.leaf.type === 'event')
    const name = key.toString()
    published.set(name, [...(published.get(name) ?? []), entry.leaf.evt])
  }
  assert.deepEqual(published, sent)
  assert.deepEqual((await ledger.verify()).problems, [])
})

for (const step of writeSteps) {
  test(`the ledger stops with an error when ${step} fails`, async (t) => {
    const directory = await aDirectory(t)
    const options = await ledgerOptions(directory)
    await initLedger(options)
    await using bus = await aBus(directory)
    const storage = new FaultyStorage(await FileLedgerStorage.open(options))
    await using ledger = await openLedgerOn({ ...options, storage })
    storage.fault = { step, when: 'before' }
    const running = ledger.run(bus, new AbortController().signal)
    const failed = assert.rejects(running, { code: 'LEDGER_WRITE_FAILED' })
    await send(bus, 'edge-1', [new ChainOfEvents().next().value])
    await failed
  })
}

test('a bus that is not the one the ledger read is refused', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  {
    await using bus = await aBus(directory)
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await send(bus, 'edge-1', [new ChainOfEvents().next().value])
    await until(() => ledger.durableEntries === 2)
    stop.abort()
    await running
  }
  const names = [topics.auditEvents, topics.ledgerSealed]
  const open = (partitions: number): ReturnType<typeof openEmbeddedBus> =>
    openEmbeddedBus({
      file: join(directory, `other-${partitions}.sqlite`),
      topics: names.map((name) => ({ name, partitions })),
    })
  await using empty = await open(1)
  await using wide = await open(2)
  await using ledger = await openLedger(options)
  const signal = new AbortController().signal
  await assert.rejects(ledger.run(empty, signal), {
    code: 'LEDGER_TOPIC_REPLACED',
    message: /audit\.events, partition 0: .* offset 1, but the bus ends at 0: .* init/,
  })
  await assert.rejects(ledger.run(wide, signal), { code: 'LEDGER_DIFFERENT' })
  // A topic that was made again and has grown beyond what was sealed of the old one.
  await send(empty, 'edge-1', [new ChainOfEvents().next().value, new ChainOfEvents().next().value])
  await assert.rejects(ledger.run(empty, signal), {
    code: 'LEDGER_TOPIC_REPLACED',
    message: /is not the one of entry 1/,
  })
  assert.equal(ledger.durableEntries, 2)
})
