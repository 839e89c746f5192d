import assert from 'node:assert/strict'
import { test } from 'node:test'

import { decodeBackend } from '../../../../../services/edge/postgres/protocol/backend.ts'
import { bind, execute, parse, rawClient, sync } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge } from './waiting-edge.ts'

/** An approval is for one run: what does not come to it does not use it up, and what is undone is told. */

const numbers = numbersTarget()
const query = (text: string) => ({ type: 'query', text: Buffer.from(text) }) as const
const run = (text: string) => [parse(text), bind(), execute()]
const remove = (n: number) => run(`DELETE FROM numbers WHERE n = ${n}`)

test('what comes behind something that fails in its batch or transaction does not use its approval', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([...remove(1), sync])
  await client.answer()
  edge.answer(await edge.asked())
  const failing = [
    [...run('SELECT 1/0'), ...remove(1), sync],
    [query('BEGIN'), query('SELECT 1/0'), ...remove(1), sync, query('ROLLBACK')],
    [
      query('BEGIN'),
      query('SELECT 1/0'),
      query('DELETE FROM numbers WHERE n = 1'),
      query('ROLLBACK'),
    ],
  ]
  for (const messages of failing) {
    await client.send(messages)
    await client.answer(messages.filter(({ type }) => type === 'sync' || type === 'query').length)
    assert.deepEqual(edge.recorder.of('approval.used'), [])
  }
  await client.send([...run('SELECT 1'), ...remove(1), sync])
  assert.equal((await client.answer()).errors.length, 0)
  assert.deepEqual(await numbers.all(), [2, 3, 4, 5])
})

test('nothing is asked for in a transaction that is aborted', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.query('BEGIN')
  await client.query('SELECT 1/0')
  assert.deepEqual((await client.query('DELETE FROM numbers')).errors, ['25P02'])
  assert.equal(edge.held.size, 0)
})

test('whoever used an approval is told when something behind it fails', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const behind = [
    [...remove(1), ...run('SELECT 1/0'), sync],
    [query('BEGIN'), ...remove(1), sync, query('SELECT 1/0'), query('SELECT 1'), query('ROLLBACK')],
    [query('BEGIN; DELETE FROM numbers WHERE n = 1; SELECT 1/0')],
  ]
  for (const [index, messages] of behind.entries()) {
    await client.send(messages)
    const ends = messages.filter(({ type }) => type === 'sync' || type === 'query').length
    await client.answer(ends)
    edge.answer(await edge.asked(index + 1))
    await client.send(messages)
    const [told, ...more] = await noticesOf(client, ends)
    assert.match(told ?? '', /^approval .* has been used in this transaction/)
    assert.deepEqual(more, [])
    assert.equal(edge.recorder.of('approval.used').length, index + 1)
    await client.query('ROLLBACK')
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

async function noticesOf(client: RawClient, count: number): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { type, bytes } of client.packets(count)) {
    const message = decodeBackend(type, bytes, 0, bytes.length)
    if (message?.type === 'notice') found.push(message.fields.get('M') ?? '')
  }
  return found
}
