import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import pg from 'pg'
import type { DatabaseError } from 'pg'

import { aLockoutUpdate } from '../../guard/control-builders.ts'
import { anActor, untilTarget } from '../edge-fixture.ts'
import { bind, describe, execute, flush, parse, rawClient, sync } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

const numbers = numbersTarget()

interface Asking {
  readonly client: pg.Client
  readonly notices: string[]
}

async function aClient(t: TestContext, edge: WaitingEdge): Promise<Asking> {
  const client = new pg.Client(edge.client)
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(message ?? ''))
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  return { client, notices }
}

/** The error that it ends with. */
async function refusal(asked: Promise<unknown>): Promise<DatabaseError> {
  const error = await asked.then(
    () => null,
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof pg.DatabaseError, 'it ran')
  return error
}

/** CancelRequest: Int32 length, Int32 code, Int32 process, Int32 key. Resolves when the edge has taken note. */
async function cancel(edge: WaitingEdge, client: pg.Client): Promise<void> {
  const { processID, secretKey } = client as unknown as Record<'processID' | 'secretKey', number>
  const request = Buffer.alloc(16)
  for (const [index, word] of [16, 80_877_102, processID, secretKey].entries()) {
    request.writeInt32BE(word, index * 4)
  }
  const socket = connect(edge.client.port, edge.client.host).resume()
  socket.end(request)
  await once(socket, 'close')
}

const types = (edge: WaitingEdge): readonly string[] =>
  edge.recorder.events
    .map(({ type }) => type)
    .filter((type) => type.startsWith('request.') || type.startsWith('approval.'))

for (const [name, ask] of [
  ['simple', (client: pg.Client) => client.query('DELETE FROM numbers WHERE n = 1')],
  ['extended', (client: pg.Client) => client.query('DELETE FROM numbers WHERE n = $1', [1])],
  [
    'prepared',
    (client: pg.Client) =>
      client.query({ name: 'gone', text: 'DELETE FROM numbers WHERE n = $1', values: [1] }),
  ],
] as const) {
  for (const durability of ['batched', 'strict'] as const) {
    test(`a request waits and runs once it is granted: ${name}, ${durability}`, async (t) => {
      const edge = await aWaitingEdge(t, numbers.server, {
        durability,
        plain: durability === 'batched',
      })
      const { client, notices } = await aClient(t, edge)
      const running = ask(client)
      const asked = await edge.asked()
      await pause(50)
      assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
      const id = asked.approval?.approval_id ?? ''
      assert.match(notices.join(), new RegExp(`^held for approval ${id}: waiting for it until 20`))
      await untilTarget(numbers.server, "state = 'idle'")
      edge.answer(asked)
      assert.equal((await running).rowCount, 1)
      assert.deepEqual(await numbers.all(), [2, 3, 4, 5])
      assert.equal(notices.length, 1)
      assert.deepEqual(types(edge), [
        'request.received',
        'approval.requested',
        'approval.used',
        'request.decided',
        'request.completed',
      ])
      assert.equal(new Set(edge.recorder.events.map(({ request_id }) => request_id)).size, 2)
      const [received] = edge.recorder.of('request.received')
      assert.equal(received?.decision?.outcome, 'hold')
      const [decided] = edge.recorder.of('request.decided')
      assert.equal(decided?.decision?.outcome, 'allow')
      assert.equal(decided.decision.reason, `approved by Nia Novák (${id})`)
      assert.equal((await client.query('SELECT 1 AS one')).rowCount, 1)
      // A grant is for one use: the next one waits for its own.
      const again = refusal(ask(client))
      const second = await edge.asked(2)
      edge.answer(second, 'deny')
      assert.match((await again).message, /was denied by Nia Novák: looked at it$/)
      assert.deepEqual(await numbers.all(), [2, 3, 4, 5])
    })
  }
}

test('at its time it is refused with the id, and the approval may still come', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, {
    approval: '{ role: owner, wait_seconds: 1 }',
  })
  const { client, notices } = await aClient(t, edge)
  const text = 'DELETE FROM numbers WHERE n = 1'
  const error = await refusal(client.query(text))
  const asked = await edge.asked()
  assert.equal(error.code, '42501')
  assert.match(error.message, new RegExp(`^held for approval ${asked.approval?.approval_id} until`))
  assert.equal(error.detail, 'nobody has answered within 1 s')
  assert.equal(edge.recorder.of('request.completed')[0]?.completion?.outcome, 'refused')
  edge.answer(asked)
  assert.equal((await client.query(text)).rowCount, 1)
  assert.equal(notices.length, 1, 'the second one did not have to wait')
})

test('with the approval’s own time over it is not asked for anew by itself', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, {
    approval: '{ role: owner, expires_seconds: 30, wait_seconds: 30 }',
  })
  const { client } = await aClient(t, edge)
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() })
  const running = refusal(client.query('DELETE FROM numbers WHERE n = 1'))
  await edge.asked()
  t.mock.timers.tick(30_000)
  assert.match((await running).message, /was not given in time: run it again/)
  t.mock.timers.reset()
  assert.equal(edge.recorder.of('approval.requested').length, 1)
})

test('in a transaction it is refused at once, and says why', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const { client } = await aClient(t, edge)
  for (const [text, values] of [
    ['DELETE FROM numbers WHERE n = 1', []],
    ['DELETE FROM numbers WHERE n = $1', [2]],
  ] as const) {
    await client.query('BEGIN')
    const error = await refusal(client.query(text, [...values]))
    assert.match(error.message, /^held for approval/)
    assert.match(error.detail ?? '', /^it does not wait here: a transaction is open/)
    assert.equal((await refusal(client.query('SELECT 1'))).code, '25P02')
    await client.query('ROLLBACK')
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('a client that leaves ends its wait, and nothing runs when the grant comes', async (t) => {
  for (const leave of ['end', 'destroy', 'terminate'] as const) {
    const edge = await aWaitingEdge(t, numbers.server)
    const client = await rawClient(edge)
    t.after(() => client.close())
    await client.send([parse('DELETE FROM numbers'), bind(), describe('portal'), execute(), sync])
    const asked = await edge.asked()
    if (leave === 'end') client.socket.end()
    else if (leave === 'destroy') client.socket.destroy()
    else await client.send([{ type: 'terminate' }])
    const [ended] = await edge.recorder.until('session.ended')
    assert.equal(ended?.session?.outcome, 'closed')
    const [completed] = edge.recorder.of('request.completed')
    assert.equal(completed?.completion?.outcome, 'cancelled')
    assert.match(completed.completion.error_message ?? '', /the client left/)
    edge.answer(asked)
    assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
    assert.equal(edge.recorder.of('approval.used').length, 0)
  }
})

test('a cancel request ends the wait with 57014, and the session goes on', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const values of [undefined, [1]]) {
    const { client } = await aClient(t, edge)
    const text = values === undefined ? 'DELETE FROM numbers' : 'DELETE FROM numbers WHERE n = $1'
    const running = refusal(client.query(text, values))
    await edge.recorder.until('approval.requested', values === undefined ? 1 : 2)
    await cancel(edge, client)
    const error = await running
    assert.equal(error.code, '57014')
    assert.equal(error.message, 'canceling statement due to user request')
    assert.equal((await client.query('SELECT 1 AS one')).rowCount, 1)
  }
  const requests = edge.recorder
    .requests()
    .map(({ operation, completion }) => [operation, completion?.outcome])
  assert.deepEqual(requests.slice(0, 3), [
    ['delete', 'cancelled'],
    ['cancel', 'ok'],
    ['select', 'ok'],
  ])
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('revocation, the kill switch, expiry and the end of the edge end the wait with 57P01', async (t) => {
  for (const stop of ['revoke', 'lockout', 'expiry', 'edge'] as const) {
    const edge = await aWaitingEdge(
      t,
      numbers.server,
      stop === 'expiry' ? { expiresAtMs: Date.now() + 2_000 } : {},
    )
    const { client } = await aClient(t, edge)
    const running = refusal(client.query('DELETE FROM numbers'))
    await edge.asked()
    const startedMs = performance.now()
    if (stop === 'revoke') edge.credentials.revoke('credential-of-agent')
    if (stop === 'edge') await edge[Symbol.asyncDispose]()
    if (stop === 'lockout') {
      const { subject: name, issuer } = anActor
      assert.equal(edge.lockouts.apply(aLockoutUpdate({ name, issuer })), 'applied')
    }
    assert.equal((await running).code, '57P01', stop)
    assert.ok(performance.now() - startedMs < (stop === 'expiry' ? 4_000 : 2_000), stop)
    const [completed] = await edge.recorder.until('request.completed')
    assert.equal(completed?.completion?.outcome, 'refused')
    assert.equal(completed.completion.error_code, '57P01')
  }
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('another policy ends the wait: what it says counts, and the grant under the old one does not', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const { client } = await aClient(t, edge)
  const running = refusal(client.query('DELETE FROM numbers WHERE n = $1', [1]))
  const asked = await edge.asked()
  edge.policies.replace(holdingPolicy('{ role: owner, wait_seconds: 50 }'))
  edge.answer(asked)
  const error = await running
  const second = await edge.asked(2)
  assert.match(error.message, new RegExp(`^held for approval ${second.approval?.approval_id} `))
  assert.notEqual(second.approval?.approval_id, asked.approval?.approval_id)
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
  // Nobody answers: the wait notices by itself.
  const again = refusal(client.query('DELETE FROM numbers WHERE n = $1', [2]))
  await edge.asked(3)
  edge.policies.replace(holdingPolicy('{ role: owner, wait_seconds: 40 }'))
  assert.equal((await again).detail, 'another policy is in force since it began to wait')
  assert.equal(edge.recorder.of('approval.used').length, 0)
})

test('what is split over packets waits as well, and what was sent behind it comes after it', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  for (const writes of [1, 7, Infinity]) {
    const client = await rawClient(edge)
    const before = edge.recorder.of('approval.requested').length
    await client.send(
      [
        parse('DELETE FROM numbers WHERE n = $1 RETURNING n'),
        bind('', '', ['3']),
        describe('portal'),
        execute(),
        sync,
        parse('SELECT 7'),
        bind(),
        execute(),
        sync,
        { type: 'query', text: Buffer.from('SELECT 8') },
      ],
      writes,
    )
    const asked = await edge.asked(before + 1)
    edge.answer(asked)
    const answer = await client.answer(3)
    assert.equal(answer.types, 'N12TDCZ12DCZTDCZ')
    assert.deepEqual(answer.rows.flat().slice(-2), ['7', '8'])
    await client.close()
    await numbers.owner.query('INSERT INTO numbers VALUES (3)')
  }
})

test('behind what the target has begun it does not wait, behind what is only on its way it does', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const client = await rawClient(edge)
  t.after(() => client.close())
  const held = [parse('DELETE FROM numbers WHERE n = 1'), bind(), execute(), sync]
  // In one batch with another statement, or flushed: the implicit transaction is open.
  await client.send([parse('SELECT 1'), bind(), execute(), ...held])
  assert.equal((await client.answer()).types, '12DC12EZ')
  await client.send([...held.slice(0, 2), flush, ...held.slice(2)])
  assert.equal((await client.answer()).types, '12EZ')
  assert.equal(edge.recorder.of('approval.requested').length, 1)
  // In a batch of its own behind one that is not answered yet.
  const other = [parse('DELETE FROM numbers WHERE n = 2'), bind(), execute(), sync]
  await client.send([parse('SELECT 1'), bind(), execute(), sync, ...other])
  edge.answer(await edge.asked(2))
  assert.equal((await client.answer(2)).types, '12DCZN12CZ')
  assert.deepEqual(await numbers.all(), [1, 3, 4, 5])
})

test('so many wait at a time; and who sends too much behind it waits no longer', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, {
    limits: { maxWaiting: 1, maxWaitingBytes: 4_096 },
  })
  const first = await aClient(t, edge)
  const other = await aClient(t, edge)
  const running = refusal(first.client.query('DELETE FROM numbers WHERE n = 1'))
  await edge.asked()
  const full = await refusal(other.client.query('DELETE FROM numbers WHERE n = 2'))
  assert.match(full.detail ?? '', /too many sessions of this edge wait already$/)
  await first.client.end()
  await running.catch(() => undefined)
  const third = await rawClient(edge)
  t.after(() => third.close())
  await third.send([{ type: 'query', text: Buffer.from('DELETE FROM numbers WHERE n = 3') }])
  await edge.asked(3)
  const behind = { type: 'query', text: Buffer.from(`SELECT '${'x'.repeat(8_000)}'`) } as const
  await third.send([behind])
  const answer = await third.answer(2)
  assert.equal(answer.types, 'NEZTDCZ')
  assert.deepEqual(await numbers.all(), [1, 2, 3, 4, 5])
})

test('a PREPARE that was approved leaves a name, and what that runs is approved by its text only', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const { client } = await aClient(t, edge)
  const prepared = client.query('PREPARE gone AS DELETE FROM numbers WHERE n = 1')
  edge.answer(await edge.asked())
  await prepared
  const { message } = await refusal(client.query('EXECUTE gone'))
  assert.match(message, /stands under a name .* send the statement itself/)
  assert.equal(edge.recorder.of('approval.requested').length, 1)
  // All in one, it can be read.
  const both = client.query(
    'DEALLOCATE gone; PREPARE gone AS DELETE FROM numbers WHERE n = 1; EXECUTE gone',
  )
  edge.answer(await edge.asked(2))
  await both
  assert.deepEqual(await numbers.all(), [2, 3, 4, 5])
})

test('to parse and to bind what is held is recorded as allowed, since neither runs it', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server)
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([parse('DELETE FROM numbers', 'd'), describe('statement', 'd'), sync])
  assert.equal((await client.answer()).types, '1tnZ')
  const [received] = edge.recorder.of('request.received')
  assert.equal(received?.request?.operation, 'parse')
  assert.equal(received.decision?.outcome, 'allow')
  assert.match(received.decision.reason ?? '', /^prepared only; to run, it needs approval by owner/)
  assert.equal(edge.recorder.of('approval.requested').length, 0)
})
