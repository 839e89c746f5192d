import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { EventLeaf } from '../../../../schemas/leaf.ts'
import { sealedHeaders } from '../../../../services/bus/topics.ts'
import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../../services/ledger/adapters/files/open.ts'
import { verifyConsistency } from '../../../../services/ledger/proof/consistency.ts'
import { verifyInclusion } from '../../../../services/ledger/proof/inclusion.ts'
import { openCheckpoint } from '../../../../services/ledger/proof/checkpoint.ts'
import {
  ChainOfEvents,
  aBus,
  aDirectory,
  ledgerOptions,
  readSealed,
  send,
} from '../../../support/a-ledger.ts'
import { until } from '../../../support/until.ts'

test('records are sealed once, proven, published and found again after a restart', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  const first = Array.from({ length: 300 }, () => chain.next({ session_id: 's-0' }))

  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    await send(
      bus,
      's-0',
      first.map(({ value }) => value),
    )
    await until(() => ledger.durableEntries === 301)
    const sealed = await readSealed(bus, 300)
    assert.deepEqual(
      sealed.map(({ value }) => value),
      first.map(({ value }) => value),
    )
    assert.equal(sealed[7]?.headers[sealedHeaders.position]?.toString(), '8')
    stop.abort()
    await running
  }

  const second = [chain.next({ session_id: 's-0' }), first[299], chain.next({ session_id: 's-0' })]
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  await send(
    bus,
    's-0',
    second.map((each) => each?.value ?? Buffer.alloc(0)),
  )
  await until(async () => (await ledger.reader.logs())[0]?.size === 304)
  stop.abort()
  await running

  const [head] = await ledger.reader.logs()
  assert.ok(head)
  assert.deepEqual(openCheckpoint(head.checkpoint, head.vkey).root, head.root)
  const positions: number[] = []
  for await (const entry of ledger.reader.entries(head.origin, 0, head.size)) {
    positions.push(entry.position)
    const path = await ledger.reader.inclusionProof(head.origin, entry.position, head.size)
    verifyInclusion(entry.leafHash, entry.position, head.size, path, head.root)
    const expected = [...first, ...second][entry.position - 1]?.value ?? null
    assert.deepEqual(entry.payload, expected)
  }
  assert.equal(positions.length, 304)
  const repeated = (await ledger.reader.entry(head.origin, 302)).leaf as EventLeaf
  assert.equal(repeated.dupOf, 300)
  const older = await ledger.reader.checkpointAt(head.origin, 0)
  assert.ok(older)
  verifyConsistency(
    older.size,
    head.size,
    older.root,
    head.root,
    await ledger.reader.consistencyProof(head.origin, older.size, head.size),
  )
  assert.deepEqual((await ledger.verify()).problems, [])

  await using other = await openLedgerReader(options)
  assert.deepEqual(await other.reader.logs(), [head])
  assert.deepEqual((await other.verify()).problems, [])
})
