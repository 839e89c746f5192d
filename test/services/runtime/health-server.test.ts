import assert from 'node:assert/strict'
import { test } from 'node:test'

import { HealthServer } from '../../../services/runtime/health-server.ts'
import { Health } from '../../../services/runtime/health.ts'
import { Metrics } from '../../../services/runtime/metrics.ts'

test('says how the parts are, and what is measured', async () => {
  const health = new Health()
  const metrics = new Metrics()
  let state: 'ok' | 'failed' = 'ok'
  health.add('capture', () => ({ state }))
  metrics.measure({ name: 'sessions', help: 'Sessions', read: () => 7 })
  await using server = await HealthServer.start({ host: '127.0.0.1', port: 0, health, metrics })
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`)

  const well = await get('/healthz')
  assert.equal(well.status, 200)
  assert.deepEqual(await well.json(), { state: 'ok', parts: { capture: { state: 'ok' } } })
  state = 'failed'
  assert.equal((await get('/healthz')).status, 503)
  assert.match(await (await get('/metrics')).text(), /affidavit_sessions 7/)
  assert.equal((await get('/else')).status, 404)
})

test('a port that is taken is named', async () => {
  const parts = { host: '127.0.0.1', health: new Health(), metrics: new Metrics() }
  await using server = await HealthServer.start({ ...parts, port: 0 })
  await assert.rejects(
    HealthServer.start({ ...parts, port: server.port }),
    new RegExp(`port ${server.port} .*edge\\.health_port`),
  )
})
