import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Edges } from '../../../services/all-in-one/edges.ts'
import { measure } from '../../../services/all-in-one/measurements.ts'
import { Health } from '../../../services/runtime/health.ts'
import type { PartHealth } from '../../../services/runtime/health.ts'
import { Metrics } from '../../../services/runtime/metrics.ts'

test('health and metrics tell which catalog of which target cannot be read', async () => {
  const health = new Health()
  const metrics = new Metrics()
  let routines: PartHealth = { state: 'ok' }
  const edges = {
    sessions: () => 0,
    masking: new Map([['shop', { health: () => ({ state: 'ok' }) }]]),
    routines: new Map([['shop', { health: () => routines }]]),
  } as unknown as Edges
  measure({ health, metrics, recorders: [], edges, services: null })
  assert.deepEqual(Object.keys(health.read().parts), ['masking shop', 'routines shop'])
  assert.equal(health.read().state, 'ok')
  assert.match(await metrics.text(), /^affidavit_target_catalogs_degraded 0$/m)

  routines = { state: 'degraded', reason: 'the functions cannot be read' }
  assert.deepEqual(health.read().parts['routines shop'], routines)
  assert.equal(health.read().state, 'degraded')
  assert.match(await metrics.text(), /^affidavit_target_catalogs_degraded 1$/m)
})
