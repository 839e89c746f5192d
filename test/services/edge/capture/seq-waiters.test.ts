import assert from 'node:assert/strict'
import { test } from 'node:test'

import { SeqWaiters } from '../../../../services/edge/capture/seq-waiters.ts'

test('each waits for its own number', async () => {
  const waiters = new SeqWaiters()
  const come: number[] = []
  const waits = [7, 3, 5].map((seq) => waiters.wait(seq).then(() => come.push(seq)))
  waiters.advance(2)
  assert.deepEqual(come, [])
  waiters.advance(5)
  await Promise.all(waits.slice(1))
  assert.deepEqual(come, [3, 5])
  assert.ok(!waiters.isEmpty)
  waiters.advance(9)
  assert.ok(waiters.isEmpty)
  await waits[0]
})

test('one whose signal aborts waits no longer, before or while it does', async () => {
  const waiters = new SeqWaiters()
  const patience = new AbortController()
  const first = waiters.wait(1, patience.signal)
  const second = waiters.wait(1)
  patience.abort(new Error('enough'))
  await assert.rejects(first, { message: 'enough' })
  await assert.rejects(waiters.wait(1, patience.signal), { message: 'enough' })
  waiters.advance(1)
  await second
  assert.ok(waiters.isEmpty)
})

test('all that wait are turned away, and nobody who comes after them', async () => {
  const waiters = new SeqWaiters()
  const waits = [waiters.wait(1), waiters.wait(2, new AbortController().signal)]
  waiters.turnAway(new Error('the disk is gone'))
  for (const wait of waits) await assert.rejects(wait, { message: 'the disk is gone' })
  assert.ok(waiters.isEmpty)
  const next = waiters.wait(1)
  waiters.advance(1)
  await next
})
