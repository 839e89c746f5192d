import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Headway } from '../../../services/runtime/headway.ts'

const sealing = (): Headway =>
  new Headway({ things: 'records on the bus', done: 'sealed', graceMs: 30_000 })

test('work that is behind and comes on is well', () => {
  const headway = sealing()
  assert.deepEqual(headway.health(0), { state: 'ok' })
  for (let second = 0; second < 300; second += 5) headway.observe(9_000, second, second * 1000)
  assert.deepEqual(headway.health(300_000), { state: 'ok' })
})

test('work that stands still while something waits is told, with how much and for how long', () => {
  const headway = sealing()
  headway.observe(0, 10, 0)
  headway.observe(1_204, 10, 5_000)
  headway.observe(1_204, 10, 29_000)
  assert.deepEqual(headway.health(29_000), { state: 'ok' })
  headway.observe(2_000, 10, 45_000)
  assert.deepEqual(headway.health(45_500), {
    state: 'degraded',
    reason: '2,000 records on the bus wait and none was sealed for 45 s',
  })
  headway.observe(1_999, 11, 46_000)
  assert.deepEqual(headway.health(46_000), { state: 'ok' })
})

test('nothing that waits is nothing that stands still', () => {
  const headway = sealing()
  headway.observe(0, 10, 0)
  headway.observe(0, 10, 900_000)
  headway.observe(1, 10, 905_000)
  assert.deepEqual(headway.health(920_000), { state: 'ok' })
})

test('who cannot be asked says so after a while', () => {
  const headway = sealing()
  headway.observe(0, 10, 0)
  headway.observe(null, 11, 40_000)
  assert.deepEqual(headway.health(40_000), {
    state: 'degraded',
    reason: 'how many records on the bus wait cannot be asked for 40 s',
  })
})
