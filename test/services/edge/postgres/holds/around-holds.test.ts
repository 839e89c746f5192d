import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { defaultLimits } from '../../../../../services/edge/postgres/limits.ts'
import type { FrontendMessage } from '../../../../../services/edge/postgres/protocol/frontend.ts'
import { bind, close, copyData, execute, parse, rawClient, sync } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'

/** What stands around a statement that is held, in the same batch or in the same session. */

const numbers = numbersTarget(7)
const whole = [1, 2, 3, 4, 5, 6, 7]
const query = (text: string): FrontendMessage => ({ type: 'query', text: Buffer.from(text) })

test('a name that the target cuts to that of another statement runs nothing', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  const [one, other] = ['a', 'b'].map((end) => 'x'.repeat(63) + end)
  await client.send([
    parse('SELECT 1', one),
    close('statement', other ?? ''),
    parse('DELETE FROM numbers', other),
    sync,
    bind(one ?? ''),
    execute(),
    sync,
  ])
  assert.deepEqual((await client.answer(2)).errors, ['08P01'])
  assert.deepEqual(await numbers.all(), whole)
})

test('what is held behind a failure that the target has told already neither runs nor uses an approval', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const held = [parse('DELETE FROM numbers WHERE n = 1'), bind(), execute()]
  await client.send([...held, sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  edge.answer(await edge.asked())
  await client.send([parse('SELECT 1/0 FROM numbers'), bind(), execute(), ...held])
  await pause(300)
  await client.send([sync])
  assert.deepEqual((await client.answer()).errors, ['22012'])
  assert.equal(edge.recorder.of('approval.used').length, 0)
  assert.equal((await client.query('SELECT 7')).rows[0]?.[0], '7')
  assert.deepEqual(await numbers.all(), whole)
})

test('nothing before a statement that waits is committed by the waiting', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const between of ['', 'SELECT 5']) {
    const client = await rawClient(edge)
    t.after(() => client.close())
    await client.send([
      parse('INSERT INTO numbers VALUES (100)'),
      bind(),
      execute(),
      query(between),
      parse('SELECT 1', 'x'),
      parse('DELETE FROM numbers'),
      bind(),
      execute(),
      sync,
    ])
    // It does not wait here: it is refused, and all of the batch is undone.
    const { errors } = await client.answer(2)
    assert.deepEqual(errors, ['42501'])
    assert.deepEqual(await numbers.all(), whole)
  }
})

test('a long message behind one that waits waits as well, and no place is kept by what is over', async (t) => {
  const limits = { ...defaultLimits, maxWaiting: 2 }
  const edge = await aWaitingEdge(t, numbers.server, { durability: 'strict', limits })
  for (let n = 1; n <= 3; n++) {
    const client = await rawClient(edge)
    const held = [parse(`DELETE FROM numbers WHERE n = ${n}`), bind(), execute()]
    await client.send([...held, copyData('x'.repeat(100_000)), sync])
    edge.answer(await edge.asked(n))
    assert.match((await client.answer()).types, /C.*Z$/)
    await client.close()
  }
  assert.deepEqual(await numbers.all(), [4, 5, 6, 7])
  await numbers.owner.query('INSERT INTO numbers VALUES (1), (2), (3)')
})

test('one that waits goes on as one that stood alone, though another policy holds what is behind it too', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([
    parse('DELETE FROM numbers WHERE n = 4'),
    bind(),
    execute(),
    parse('INSERT INTO numbers VALUES (99)'),
    bind(),
    execute(),
    sync,
  ])
  await edge.asked()
  edge.policies.replace(holdingPolicy('{ role: owner, wait_seconds: 60 }', 'delete, insert'))
  assert.deepEqual((await client.answer()).errors, ['42501'])
  assert.ok((await numbers.all()).includes(4))
  const requests = edge.recorder.requests()
  for (const { completions } of requests) assert.equal(completions, 1)
  assert.equal(requests.filter(({ operation }) => operation === 'delete').length, 1)
  // What was prepared only asks for nothing.
  for (const { request } of edge.recorder.of('approval.requested')) {
    assert.match(request?.statement.toString() ?? '', /^DELETE/)
  }
})

test('a query behind what is held is one of several as well', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const held = [parse('DELETE FROM numbers WHERE n = 5'), bind(), execute()]
  await client.send([...held, query('DELETE FROM numbers WHERE n = 6'), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  assert.equal(edge.recorder.of('approval.requested').length, 0)
})

test('only so much of one actor waits to be read: beyond it he is told what to do, and it is recorded', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const ask = async (n: number): Promise<string> => {
    await client.query(`DELETE FROM numbers WHERE n = ${n} /* ${'x'.repeat(250 * 1024)} */`)
    return edge.recorder.of('request.completed').at(-1)?.completion?.error_message ?? ''
  }
  for (let n = 1; n <= 16; n++) assert.match(await ask(n), /^held for approval/)
  assert.match(
    await ask(17),
    /cannot be asked for: 16 requests of agent-7 with .* run it again when/,
  )
  assert.equal(edge.held.size, 16)
  edge.answer(await edge.asked(3))
  assert.equal(await ask(3), '')
  assert.match(await ask(17), /^held for approval/)
  assert.deepEqual(await numbers.all(), [1, 2, 4, 5, 6, 7])
})
