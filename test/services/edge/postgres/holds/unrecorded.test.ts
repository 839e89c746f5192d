import assert from 'node:assert/strict'
import { test } from 'node:test'

import { rawClient } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

/** What becomes of approvals while the recorder takes nothing. */

const numbers = numbersTarget()
const whole = [1, 2, 3, 4, 5]
const approval = '{ role: owner }'

/** From now on it takes so many events and no more. Returns what has it take them again. */
function fullAfter({ recorder }: WaitingEdge, count: number): () => void {
  const most = recorder.events.length + count
  const refusal = {
    configurable: true,
    get: () => (recorder.events.length >= most ? 'spool_full' : null),
  }
  Object.defineProperty(recorder, 'refusal', refusal)
  return () => Object.defineProperty(recorder, 'refusal', { configurable: true, value: null })
}

test('what could not be asked for is asked for when it is run again', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const { recorder } = edge
  const empty = fullAfter(edge, 1)
  assert.deepEqual((await client.query('DELETE FROM numbers')).errors, ['58030'])
  empty()
  assert.deepEqual((await client.query('DELETE FROM numbers')).errors, ['42501'])
  assert.equal(recorder.of('approval.requested').length, 1)
})

test('a grant whose use could not be recorded is there still', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const text = 'DELETE FROM numbers WHERE n = 1'
  await client.query(text)
  edge.answer(await edge.asked())
  const { recorder } = edge
  const empty = fullAfter(edge, 1)
  assert.deepEqual((await client.query(text)).errors, ['58030'])
  empty()
  assert.deepEqual(await numbers.all(), whole)
  assert.equal((await client.query(text)).types, 'CZ')
  assert.equal(recorder.of('approval.used').length, 1)
  assert.deepEqual(await numbers.all(), [2, 3, 4, 5])
})
