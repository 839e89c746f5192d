import assert from 'node:assert/strict'
import { test } from 'node:test'

import { recordedRequests } from '../../../services/all-in-one/recorded-requests.ts'
import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import type { Config } from '../../../services/runtime/config.ts'
import { aBus, aDirectory, ChainOfEvents, ledgerOptions, send } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'
import { aDecision, aRequest } from '../../support/an-event.ts'

test('a request that came twice was received once, and a record that was set aside is none', async (t) => {
  const dataDirectory = await aDirectory(t)
  const options = await ledgerOptions(dataDirectory)
  await initLedger(options)
  await using bus = await aBus(dataDirectory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const chain = new ChainOfEvents()
  const request = { type: 'request.received', request: aRequest(), decision: aDecision() } as const
  const first = chain.next({ ...request, session_id: 's1', request_id: 'r1' })
  const misplaced = chain.next({ ...request, session_id: 's1', request_id: 'r2' })
  await send(bus, 's1', [first.value, first.value])
  await send(bus, 'another key', [misplaced.value])
  await until(async () => (await ledger.reader.logs()).some(({ size }) => size === 4))
  stop.abort()
  await running

  const found: (string | null)[] = []
  for await (const { received } of recordedRequests({ dataDirectory } as Config, 0, Infinity)) {
    found.push(received.request_id)
  }
  assert.deepEqual(found, ['r1'])
})
