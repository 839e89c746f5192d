import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bind, execute, parse, rawClient, sync } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'

/** What is read in pieces, as drivers with a fetch size do, is one execution: the target runs it once. */

const numbers = numbersTarget()
const text = 'DELETE FROM numbers RETURNING n'
const approval = '{ role: owner }'

test('the pieces of what was approved come without another approval', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([parse(text, 'd'), bind('d'), execute('', 2), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  edge.answer(await edge.asked())
  await client.query('BEGIN')
  await client.send([bind('d', 'p'), execute('p', 2), sync])
  assert.equal((await client.answer()).types, '2DDsZ')
  await client.send([execute('p', 2), execute('p', 2), sync])
  const { types, rows } = await client.answer()
  assert.deepEqual([types, rows], ['DDsDCZ', [['3'], ['4'], ['5']]])
  // Bound anew it is another execution.
  await client.send([bind('d', 'q'), execute('q', 2), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  await client.query('ROLLBACK')
  assert.equal(edge.recorder.of('approval.used').length, 1)
  const { approval: used } = edge.recorder.of('approval.used')[0] ?? {}
  const reasons = edge.recorder.of('request.decided').map(({ decision }) => decision?.reason ?? '')
  assert.equal(reasons.length, 3)
  assert.ok(reasons.every((reason) => reason.includes(used?.approval_id ?? '-')))
})

test('also in one batch, and not under another policy', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const pieces = [bind('d', 'p'), execute('p', 2), execute('p', 2)]
  await client.send([parse(text, 'd'), ...pieces, sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  edge.answer(await edge.asked())
  await client.query('BEGIN')
  await client.send([...pieces, sync])
  assert.equal((await client.answer()).types, '2DDsDDsZ')
  edge.policies.replace(holdingPolicy('{ role: owner, expires_seconds: 300 }'))
  await client.send([execute('p', 2), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  await client.query('ROLLBACK')
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
  assert.equal(edge.recorder.of('approval.requested').length, 2)
})
