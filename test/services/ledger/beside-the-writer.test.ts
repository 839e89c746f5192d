import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../services/ledger/adapters/files/open.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, send } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'

test('a ledger verifies while another process seals, signs and begins segments', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { segmentBytes: 20_000, checkpointMs: 1 })
  await initLedger(options)
  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const chain = new ChainOfEvents()
  const sending = (async () => {
    while (!stop.signal.aborted) await send(bus, 'edge-1', [chain.next().value])
  })()
  await until(async () => ((await ledger.reader.logs())[0]?.size ?? 0) > 100)
  const found: unknown[] = []
  const sizes: number[] = []
  for (let round = 0; round < 25; round += 1) {
    await using view = await openLedgerReader(options)
    const { logs, problems } = await view.verify()
    found.push(...problems)
    sizes.push(logs[0]?.size ?? 0)
  }
  stop.abort()
  await sending
  await running
  assert.deepEqual(found, [])
  assert.deepEqual(
    sizes,
    sizes.toSorted((one, other) => one - other),
  )
  assert.ok((sizes[0] ?? 0) > 100)
})
