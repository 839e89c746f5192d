import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import {
  decodeBackend,
  encodeError,
} from '../../../../../services/edge/postgres/protocol/backend.ts'
import { Framer } from '../../../../../services/edge/postgres/protocol/frame.ts'
import { startRelay } from '../../../../support/relay.ts'
import { untilTarget } from '../edge-fixture.ts'
import { bind, close, describe, execute, flush, parse, rawClient, sync } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

/** Statements that are held, prepared by Parse, Describe and Flush, as asyncpg does: the target keeps their locks until a Sync. */

const numbers = numbersTarget()

const splits = [1, 7, Infinity]
const text = 'DELETE FROM numbers WHERE n = $1 RETURNING n'
const prepare = [parse(text, 'd'), describe('statement', 'd'), flush]
const run = (value: string) => [bind('d', '', [value]), execute(), sync]

/** How many locks sessions through an edge hold on the table. */
async function locks(): Promise<number> {
  const { rows } = await numbers.owner.query<{ locks: number }>(
    `SELECT count(*)::int AS locks FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE relation = 'numbers'::regclass AND application_name LIKE 'gw/%'`,
  )
  return rows[0]?.locks ?? -1
}

async function aClient(t: TestContext, edge: WaitingEdge): Promise<RawClient> {
  const client = await rawClient(edge)
  t.after(() => client.close())
  return client
}

/** The types of the next messages, so many. */
async function replies(client: RawClient, count: number): Promise<string> {
  let types = ''
  for await (const { type } of client.packets()) {
    types += String.fromCharCode(type)
    if (types.length === count) break
  }
  return types
}

/** The details of the errors up to the next ReadyForQuery. */
async function details(client: RawClient): Promise<readonly (string | undefined)[]> {
  const found: (string | undefined)[] = []
  for await (const { type, bytes } of client.packets()) {
    const message = decodeBackend(type, bytes, 0, bytes.length)
    if (message?.type === 'error') found.push(message.fields.get('D'))
  }
  return found
}

test('it waits when it is run, with the target idle and without its locks, and runs once it is granted', async (t) => {
  for (const durability of ['batched', 'strict'] as const) {
    const edge = await aWaitingEdge(t, numbers.server, { durability })
    const client = await aClient(t, edge)
    for (const [index, writes] of splits.entries()) {
      await client.send([close('statement', 'd'), sync])
      await client.answer()
      await client.send(prepare, writes)
      assert.equal(await replies(client, 3), '1tT')
      assert.equal(await locks(), 1)
      await client.send(run('2'), writes)
      const asked = await edge.asked(index + 1)
      assert.equal(await replies(client, 1), 'N')
      await untilTarget(numbers.server, "state = 'idle'")
      assert.equal(await locks(), 0)
      await pause(20)
      assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
      edge.answer(asked)
      const { types, rows, status } = await client.answer()
      assert.deepEqual([types, rows, status], ['2DCZ', [['2']], 'I'])
      assert.deepEqual(await numbers.all(), [1, 3, 4, 5])
      await numbers.owner.query('INSERT INTO numbers VALUES (2)')
    }
    const requests = edge.recorder.requests().map(({ operation, decision, ...request }) => {
      return [operation, decision, request.completions, request.completion?.outcome]
    })
    const each = [
      ['parse', 'allow', 1, 'ok'],
      ['delete', 'hold', 1, 'ok'],
    ]
    assert.deepEqual(requests, [...each, ...each, ...each])
  }
})

test('also where nothing is waited for between the messages, and what is sent behind it comes after it', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const [index, writes] of splits.entries()) {
    const client = await aClient(t, edge)
    const behind = { type: 'query', text: Buffer.from('SELECT 8') } as const
    await client.send([...prepare, ...run('3'), ...run(String(index)), behind], writes)
    edge.answer(await edge.asked(index * 2 + 1))
    edge.answer(await edge.asked(index * 2 + 2), 'deny')
    const { types, rows, errors } = await client.answer(3)
    assert.equal(types, '1tTN2DCZN2EZTDCZ')
    assert.deepEqual([rows, errors], [[['3'], ['8']], ['42501']])
    await numbers.owner.query('INSERT INTO numbers VALUES (3)')
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('until the grant the target gets what prepares it and a Sync, and nothing of what runs it', async (t) => {
  let sent: Buffer[] = []
  await using relay = await startRelay(numbers.server, (near, far) => {
    near.on('data', (chunk: Buffer) => sent.push(chunk))
    far.pipe(near)
  })
  const target = { port: relay.port, tls: { mode: 'disable' } } as const
  const edge = await aWaitingEdge(t, numbers.server, { target })
  const take = (): string => {
    let types = ''
    const framer = new Framer({ maxMessageBytes: 65_536, wholeUpTo: () => 65_536 })
    const sink = {
      message: (type: number) => (types += String.fromCharCode(type)) !== '',
      part: () => false,
    }
    framer.push(Buffer.concat(sent), sink)
    sent = []
    return types
  }
  for (const [index, writes] of splits.entries()) {
    const client = await aClient(t, edge)
    sent = []
    await client.send([...prepare, ...run(String(index))], writes)
    const asked = await edge.asked(index + 1)
    assert.equal(await replies(client, 4), '1tTN')
    assert.equal(take(), 'PDHS')
    edge.answer(asked, 'deny')
    assert.equal((await client.answer()).types, '2EZ')
    // The edge's own Parse stands in for the Execute, and fails.
    assert.equal(take(), 'BPS')
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('what fails to be prepared is skipped to the client’s own Sync', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const wrong = parse('DELETE FROM letters WHERE n = $1', 'd')
  const behind = { type: 'query', text: Buffer.from('SELECT 8') } as const
  for (const writes of splits) {
    const client = await aClient(t, edge)
    await client.send([wrong, describe('statement', 'd'), flush, ...run('1'), behind], writes)
    const { types, errors } = await client.answer(2)
    assert.deepEqual([types, errors], ['EZTDCZ', ['42P01']])
    // In the same batch, in place of the Sync: the target would not take a query there either.
    await client.send([wrong, flush, behind, ...run('1')], writes)
    assert.equal((await client.answer()).types, 'EZ')
    await client.send([...prepare.slice(0, 1), sync], writes)
    assert.equal((await client.answer()).types, '1Z')
  }
  assert.equal(edge.recorder.of('approval.requested').length, 0)
  assert.ok(edge.recorder.requests().every(({ completions }) => completions === 1))
})

test('an error with which the target answers the edge’s Sync is the client’s, up to its own', async (t) => {
  const error = encodeError({ severity: 'ERROR', sqlState: '57014', message: 'canceled' })
  let answers: Buffer[] = []
  await using relay = await startRelay(numbers.server, (near, far) => {
    far.on('data', (chunk: Buffer) => {
      // The answer to a Sync alone is ReadyForQuery alone.
      const isOfSync = chunk.length === 6 && chunk.toString('latin1', 0, 1) === 'Z'
      near.write(isOfSync ? Buffer.concat([...answers, chunk]) : chunk)
      if (isOfSync) answers = []
    })
  })
  const target = { port: relay.port, tls: { mode: 'disable' } } as const
  const edge = await aWaitingEdge(t, numbers.server, { target })
  const client = await aClient(t, edge)
  await client.send(prepare)
  assert.equal(await replies(client, 3), '1tT')
  answers = [error]
  await client.send(run('1'))
  const { types, errors } = await client.answer()
  assert.deepEqual([types, errors], ['EZ', ['57014']])
  await client.send(run('1'))
  edge.answer(await edge.asked())
  assert.equal((await client.answer()).types, 'N2DCZ')
})

test('a simple query waits behind a statement that was only prepared', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const [index, writes] of splits.entries()) {
    const client = await aClient(t, edge)
    const query = { type: 'query', text: Buffer.from('DELETE FROM numbers WHERE n = 5') } as const
    await client.send([parse('SELECT n FROM numbers', 's'), flush, query], writes)
    const asked = await edge.asked(index + 1)
    await untilTarget(numbers.server, "state = 'idle'")
    assert.equal(await locks(), 0)
    edge.answer(asked)
    assert.equal((await client.answer()).types, '1NCZ')
    await client.send([bind('s'), execute(), sync], writes)
    assert.equal((await client.answer()).types, '2DDDDCZ')
    await numbers.owner.query('INSERT INTO numbers VALUES (5)')
  }
})

test('it waits where another policy holds it since it was prepared', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const client = await aClient(t, edge)
  await client.send([parse('SELECT n FROM numbers WHERE n = $1', 'd'), sync])
  assert.equal((await client.answer()).types, '1Z')
  edge.policies.replace(holdingPolicy('{ role: owner, wait_seconds: 50 }', 'read'))
  await client.send(run('1'))
  edge.answer(await edge.asked())
  assert.equal((await client.answer()).types, 'N2DCZ')
})

test('where its Bind was flushed too, or it was run before in the same batch, it is refused at once and says why', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const writes of splits) {
    for (const begun of [
      [bind('d', '', ['1']), flush],
      [parse('SELECT 1'), bind(), execute()],
    ]) {
      const client = await aClient(t, edge)
      await client.send([...prepare, ...begun, ...run('1')], writes)
      const [detail] = await details(client)
      assert.match(
        detail ?? '',
        /^it does not wait here: the target has begun what comes before it/,
      )
    }
    const client = await aClient(t, edge)
    assert.equal((await client.query('BEGIN')).types, 'CZ')
    await client.send([...prepare, ...run('1')], writes)
    const [detail] = await details(client)
    assert.match(detail ?? '', /^it does not wait here: a transaction is open/)
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('where it cannot be recorded that it was prepared, it fails and the session goes on', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const client = await aClient(t, edge)
  edge.recorder.refusal = 'spool_full'
  await client.send([...prepare, ...run('1')])
  const { types, errors } = await client.answer()
  assert.deepEqual([types, errors], ['EZ', ['58030']])
  edge.recorder.refusal = null
  await client.send([...prepare, ...run('1')])
  edge.answer(await edge.asked())
  assert.equal((await client.answer()).types, '1tTN2DCZ')
})
