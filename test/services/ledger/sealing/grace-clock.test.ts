import assert from 'node:assert/strict'
import { test } from 'node:test'

import { GraceClock } from '../../../../services/ledger/sealing/grace-clock.ts'

/** Two partitions, what is on them and what is sealed. */
function aBusOf(ends: bigint[]): { clock: GraceClock; state: { isAway: boolean } } {
  const state = { isAway: false }
  const clock = new GraceClock(() =>
    state.isAway ? Promise.reject(new Error('away')) : Promise.resolve([...ends]),
  )
  return { clock, state }
}

test('time passes while everything that was on the bus at the tick before is sealed', async () => {
  const ends = [5n, 7n]
  const { clock } = aBusOf(ends)
  const sealed = [5n, 7n]
  const tick = (): Promise<boolean> => clock.tick(1_000, (part) => sealed[part] ?? 0n)
  assert.equal(await tick(), false, 'nothing was asked before')
  assert.equal(await tick(), true)
  // Records come all the time: what matters is what was there a tick ago.
  ends[0] = 9n
  assert.equal(await tick(), true)
  sealed[0] = 9n
  ends[0] = 12n
  assert.equal(await tick(), true)
  assert.equal(clock.nowMs, 3_000)
})

test('time stands still while one partition is behind, however far the others are', async () => {
  const ends = [5n, 7n]
  const { clock } = aBusOf(ends)
  const sealed = [5n, 6n]
  const tick = (): Promise<boolean> => clock.tick(1_000, (part) => sealed[part] ?? 0n)
  await tick()
  for (let count = 0; count < 100; count += 1) {
    sealed[0] = 5n + BigInt(count)
    assert.equal(await tick(), false)
  }
  assert.equal(clock.nowMs, 0)
  sealed[1] = 7n
  assert.equal(await tick(), true)
})

test('time stands still while the bus is away, and does not make up for it', async () => {
  const { clock, state } = aBusOf([5n, 7n])
  const tick = (): Promise<boolean> => clock.tick(1_000, (part) => [5n, 7n][part] ?? 0n)
  await tick()
  assert.equal(await tick(), true)
  state.isAway = true
  for (let count = 0; count < 100; count += 1) await tick()
  state.isAway = false
  assert.equal(await tick(), false)
  assert.equal(await tick(), true)
  assert.equal(clock.nowMs, 2_000)
})
