import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Health } from '../../../services/runtime/health.ts'
import type { PartHealth } from '../../../services/runtime/health.ts'
import { Metrics } from '../../../services/runtime/metrics.ts'

test('the worst part is the health of the whole', () => {
  const health = new Health()
  assert.equal(health.read().state, 'ok')
  const edge: { current: PartHealth } = { current: { state: 'ok' } }
  health.add('api', () => ({ state: 'ok' }))
  health.add('edge', () => edge.current)
  assert.equal(health.read().state, 'ok')
  edge.current = { state: 'degraded', reason: 'the spool is full' }
  assert.equal(health.read().state, 'degraded')
  assert.equal(health.read().parts['edge']?.reason, 'the spool is full')
  edge.current = { state: 'failed' }
  assert.equal(health.read().state, 'failed')
})

test('a measurement is read when somebody asks, under the name of the product', async () => {
  const metrics = new Metrics()
  let entries = 1
  metrics.measure({ name: 'ledger_entries', help: 'Sealed entries', read: () => entries })
  assert.match(await metrics.text(), /^affidavit_ledger_entries 1$/m)
  entries = 2
  assert.match(await metrics.text(), /^affidavit_ledger_entries 2$/m)
  assert.match(await metrics.text(), /^# HELP affidavit_ledger_entries Sealed entries$/m)
})
