import assert from 'node:assert/strict'
import { test } from 'node:test'

import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import { freezeCheckpoints } from '../../../services/reporter/freeze.ts'
import { systemClock } from '../../../services/runtime/clock.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, send } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'

const dayMs = 86_400_000
const beganMs = Date.UTC(2026, 10, 24)

test('a scheduled report leaves nothing out that was sealed after the clock had been ahead for a while', async (t) => {
  let nowMs = beganMs
  const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { clock })
  await initLedger(options)
  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const chain = new ChainOfEvents()
  let sealed = 1
  const sealAt = async (atMs: number): Promise<void> => {
    nowMs = atMs
    await send(bus, 'edge-1', [chain.next().value])
    sealed += 1
    await until(async () => (await ledger.reader.logs())[0]?.size === sealed)
  }
  await sealAt(beganMs + 1000)
  await sealAt(beganMs + 30 * dayMs)
  for (let hour = 1; hour <= 30; hour += 1) await sealAt(beganMs + hour * 3_600_000)
  assert.equal(Math.round(ledger.clockBehindMs / dayMs), 29)
  // Both the report that runs now and one that makes up for it when the clock has caught up.
  for (const runsAtMs of [beganMs + 30 * 3_600_000, beganMs + 31 * dayMs]) {
    const [head] = await freezeCheckpoints({
      reader: ledger.reader,
      clock: { ...systemClock, nowMs: () => runsAtMs },
      trigger: 'schedule',
      toMs: beganMs + dayMs,
      signal: new AbortController().signal,
    })
    assert.equal(head?.size, sealed)
  }
  stop.abort()
  await running
})
