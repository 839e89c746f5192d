import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bind, execute, parse, rawClient, sync } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'

/** What an approval is for: what would run as it was asked for, and nothing else under the same text. */

const numbers = numbersTarget()
const whole = [1, 2, 3, 4, 5]
const approval = '{ role: owner }'

test('what runs under a name is not approved by the name', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const [one, other] = [await rawClient(edge), await rawClient(edge)]
  t.after(() => Promise.all([one.close(), other.close()]))
  await one.send([parse('DELETE FROM numbers WHERE n = 1', 'gone'), sync])
  await one.answer()
  await one.query('EXECUTE gone')
  // There could be another statement under it by then, in another session.
  await other.send([parse('DELETE FROM numbers', 'gone'), sync])
  await other.answer()
  for (const text of ['EXECUTE gone', 'EXPLAIN (ANALYZE) EXECUTE gone']) {
    for (const client of [one, other])
      assert.deepEqual((await client.query(text)).errors, ['42501'])
  }
  assert.equal(edge.held.size, 0)
  assert.deepEqual(await numbers.all(), whole)
  // What its text says can be approved.
  await one.query('DELETE FROM numbers WHERE n = 1')
  assert.equal(edge.held.size, 1)
})

test('nor by the name of a portal, nor is the row that a cursor stands on', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const [one, other] = [await rawClient(edge), await rawClient(edge)]
  t.after(() => Promise.all([one.close(), other.close()]))
  const fetched = async (client: typeof one, text: string) => {
    await client.query('BEGIN')
    await client.send([parse(text), bind('', 'gone'), sync])
    await client.answer()
    const { types } = await client.query('FETCH ALL FROM gone')
    await client.query('COMMIT')
    return types
  }
  await fetched(one, 'DELETE FROM numbers WHERE n = 1 RETURNING n')
  await fetched(other, 'DELETE FROM numbers RETURNING n')
  const { rows } = await one.query('BEGIN; DECLARE c CURSOR FOR SELECT n FROM numbers; FETCH c')
  assert.deepEqual(rows, [['1']])
  assert.deepEqual((await one.query('DELETE FROM numbers WHERE CURRENT OF c')).errors, ['42501'])
  const { completion } = edge.recorder.of('request.completed').at(-1) ?? {}
  assert.match(completion?.error_message ?? '', /stands under a name .* send the statement itself/)
  await one.query('ROLLBACK')
  assert.equal(edge.held.size, 0)
  assert.deepEqual(await numbers.all(), whole)
})

test('the types that a Parse declares are part of it', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const text = 'DELETE FROM numbers WHERE n::text = $1::text'
  const typed = (oid: number) => [
    { ...parse(text), parameterTypes: [oid] },
    bind('', '', [' 1']),
    execute(),
    sync,
  ]
  await client.send(typed(25))
  await client.answer()
  edge.answer(await edge.asked())
  for (const others of [typed(23), typed(0), [...typed(25).slice(0, -1), ...typed(23)]]) {
    await client.send(others)
    assert.deepEqual((await client.answer()).errors, ['42501'])
  }
  assert.deepEqual(await numbers.all(), whole)
  await client.send(typed(25))
  assert.match((await client.answer()).types, /C.*Z$/)
  assert.deepEqual(await numbers.all(), whole, 'as text it is none of them')
})

test('also where a batch of several runs by grants, and where the name outlives a policy', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const text = 'DELETE FROM numbers WHERE n::text = $1::text'
  const named = (name: string, oid: number) => ({ ...parse(text, name), parameterTypes: [oid] })
  const run = (name: string, value: string) => [bind(name, '', [value]), execute()]
  await client.send([named('t', 25), named('i', 23), sync])
  await client.answer()
  edge.policies.replace(holdingPolicy('{ role: owner, expires_seconds: 300 }'))
  for (const [index, value] of [' 1', ' 2'].entries()) {
    await client.send([...run('t', value), sync])
    await client.answer()
    edge.answer(await edge.asked(index + 1))
  }
  await client.send([...run('t', ' 1'), ...run('i', ' 2'), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  await client.send([...run('t', ' 1'), named('u', 23), ...run('u', ' 2'), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  assert.equal(edge.recorder.of('approval.used').length, 0)
  await client.send([...run('t', ' 1'), ...run('t', ' 2'), sync])
  assert.equal((await client.answer()).types, '2C2CZ')
})
