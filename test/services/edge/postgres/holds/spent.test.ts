import assert from 'node:assert/strict'
import { test } from 'node:test'

import { decodeBackend } from '../../../../../services/edge/postgres/protocol/backend.ts'
import { bind, close, execute, parse, rawClient, sync } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge } from './waiting-edge.ts'

/** What somebody is told of approvals that were used before something failed. */

const numbers = numbersTarget()
const remove = (n: number) => [parse(`DELETE FROM numbers WHERE n = ${n}`), bind(), execute()]
const query = (text: string) => ({ type: 'query', text: Buffer.from(text) }) as const

async function detailsOf(client: RawClient, count: number): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { type, bytes } of client.packets(count)) {
    const message = decodeBackend(type, bytes, 0, bytes.length)
    if (message?.type === 'error') found.push(message.fields.get('D') ?? '')
  }
  return found
}

test('what ran by an approval in a transaction of its own is not said to be undone', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const named = (n: number) => {
    const name = `d${n}`
    const text = `DELETE FROM numbers WHERE n = ${n}`
    return [close('statement', name), parse(text, name), bind(name), execute(), sync]
  }
  for (const [index, [first, second]] of [
    [remove(1).concat(sync), remove(2).concat(sync)],
    [[query('DELETE FROM numbers WHERE n = 2')], [query('DELETE FROM numbers WHERE n = 3')]],
    [named(3), named(4)],
    [named(4), [parse('DROP TABLE numbers', 'x'), sync]],
    [named(5), [query('DROP TABLE numbers')]],
  ].entries()) {
    await client.send(first ?? [])
    await client.answer()
    const asked = edge.recorder.of('approval.requested').at(-1)
    assert.ok(asked !== undefined)
    edge.answer(asked)
    await client.send([...(first ?? []), ...(second ?? [])])
    assert.deepEqual(await detailsOf(client, 2), [''], `${index}`)
    assert.equal((await numbers.all()).length, 4 - index)
  }
})

test('what is undone is told, whatever failed', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: '{ role: owner }' })
  const client = await rawClient(edge)
  t.after(() => client.close())
  for (const [index, rest] of [
    [parse('DROP TABLE numbers'), bind(), execute()],
    [query('DROP TABLE numbers')],
  ].entries()) {
    await client.send([...remove(1), sync])
    await client.answer()
    edge.answer(await edge.asked(index + 1))
    await client.send([query('BEGIN'), ...remove(1), sync])
    await client.answer(2)
    await client.send([...rest, sync])
    const [detail] = await detailsOf(client, rest.length > 1 ? 1 : 2)
    assert.match(detail ?? '', /has been used in this transaction/)
    await client.query('ROLLBACK')
  }
  // In the same batch, and as one of which it is awaited what came before.
  const more = [
    [...remove(1), parse('DROP TABLE numbers'), bind(), execute(), sync],
    [query('BEGIN'), ...remove(1), sync, ...remove(2), sync, query('ROLLBACK')],
    [query('BEGIN'), query('DELETE FROM numbers WHERE n = 1'), ...remove(2), sync],
  ]
  for (const [index, messages] of more.entries()) {
    await client.send([...remove(1), sync])
    await client.answer()
    edge.answer(await edge.asked([3, 4, 6][index]))
    await client.send(messages)
    const ends = messages.filter(({ type }) => type === 'sync' || type === 'query').length
    const [detail] = await detailsOf(client, ends)
    assert.match(detail ?? '', /has been used in this transaction/, `${index}`)
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})
