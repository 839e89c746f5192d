import assert from 'node:assert/strict'
import { test } from 'node:test'

import { aPolicy } from '../../guard/policy-builders.ts'
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

test('how dates are read is part of it, whatever a session says of that, and when', async (t) => {
  await numbers.owner.query(`DROP TABLE IF EXISTS days`)
  await numbers.owner.query(
    `CREATE TABLE days AS SELECT date '2026-01-02' AS d UNION ALL SELECT date '2026-02-01'`,
  )
  const edge = await aWaitingEdge(t, numbers.server, { approval })
  edge.policies.replace(
    aPolicy(
      "id: work, targets: [orders], statements: [read, delete, transaction, session], relations: { read: ['*'], write: ['*'] }, outcome: allow",
      'id: deletes, targets: [orders], statements: [delete], outcome: hold, approval: { role: owner }',
    ),
  )
  const reading = (DateStyle: string) => rawClient(edge, { parameters: { DateStyle } })
  const [one, same, other] = [
    await reading('ISO, MDY'),
    await reading('ISO, MDY'),
    await reading('ISO, DMY'),
  ]
  t.after(() => Promise.all([one.close(), same.close(), other.close()]))
  const text = "DELETE FROM days WHERE d = '01/02/2026' RETURNING d"
  const run = [parse(text), bind(), execute()]
  const set = (value: string) => [parse(`SET DateStyle = '${value}'`), bind(), execute()]
  await one.query(text)
  edge.answer(await edge.asked())
  const refused = async (client: typeof one, ends: number): Promise<void> => {
    assert.deepEqual((await client.answer(ends)).errors, ['42501'])
    assert.equal(edge.recorder.of('approval.used').length, 0)
  }
  await other.send([...run, sync])
  await refused(other, 1)
  // Changed before it, in the same session, batch or pipeline.
  await one.send([...set('ISO, DMY'), ...run, sync])
  await refused(one, 1)
  await one.send([...set('ISO, DMY'), sync, ...run, sync])
  await refused(one, 2)
  await one.query('BEGIN')
  await one.query("SET LOCAL DateStyle = 'ISO, DMY'")
  await one.send([...run, sync])
  await refused(one, 1)
  await one.query('ROLLBACK')
  assert.equal((await numbers.owner.query('SELECT FROM days')).rowCount, 2)
  await same.send([...set('ISO, DMY'), sync, ...set('ISO, MDY'), sync, ...run, sync])
  const { rows } = await same.answer(3)
  assert.deepEqual(rows, [['2026-01-02']])
})
