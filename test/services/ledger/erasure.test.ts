import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../services/ledger/adapters/files/open.ts'
import { verifyInclusion } from '../../../services/ledger/proof/inclusion.ts'
import {
  ChainOfEvents,
  aBus,
  aDirectory,
  ledgerOptions,
  sendEvents,
} from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'

test('what a session left can be erased for good while chain, tree and proofs still verify', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  const values = Array.from(
    { length: 40 },
    (_, at) => chain.next({ session_id: at % 2 === 0 ? 'erased' : 'kept' }).value,
  )
  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await sendEvents(bus, values)
    await until(async () => (await ledger.reader.logs())[0]?.size === 41)
    stop.abort()
    await running
    assert.equal(await ledger.erase('erased'), 1)
    assert.equal(await ledger.erase('erased'), 0)
    assert.equal(await ledger.erase('unknown'), 0)
  }

  await using ledger = await openLedger(options)
  const [head] = await ledger.reader.logs()
  assert.ok(head)
  const { problems, logs } = await ledger.verify()
  assert.deepEqual(problems, [])
  assert.deepEqual([logs[0]?.payloads, logs[0]?.erased], [20, 20])
  for await (const entry of ledger.reader.entries(head.origin, 1, head.size)) {
    const isErased = entry.position % 2 === 1
    assert.deepEqual(entry.payload, isErased ? null : values[entry.position - 1])
    assert.equal(entry.salt === null, isErased)
    const path = await ledger.reader.inclusionProof(head.origin, entry.position, head.size)
    verifyInclusion(entry.leafHash, entry.position, head.size, path, head.root)
  }
  const keys = await readFile(join(options.directory, 'logs', head.origin, 'payload', 'data-keys'))
  // The wrapped key of the first slot is zeros now, the one of the second is not.
  assert.ok(keys.subarray(36, 96).every((byte) => byte === 0))
  assert.ok(!keys.subarray(128 + 36, 128 + 96).every((byte) => byte === 0))
})

test('what was erased is not shown by a reader beside the ledger that has shown it before', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const { value } = new ChainOfEvents().next({ session_id: 'erased' })
  await sendEvents(bus, [value])
  await until(async () => (await ledger.reader.logs())[0]?.size === 2)
  stop.abort()
  await running
  await using beside = await openLedgerReader(options)
  const [head] = await beside.reader.logs()
  assert.ok(head)
  assert.deepEqual((await beside.reader.entry(head.origin, 1)).payload, value)
  assert.equal(await ledger.erase('erased'), 1)
  assert.equal((await beside.reader.entry(head.origin, 1)).payload, null)
})
