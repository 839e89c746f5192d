import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { HeldRequests } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import { defaultLimits } from '../../../../../services/edge/postgres/limits.ts'
import { decodeBackend } from '../../../../../services/edge/postgres/protocol/backend.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { pythonOfDrivers } from '../../../../support/python.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import { MemoryCredentials, password, startEdge } from '../edge-fixture.ts'
import { bind, close, describe, execute, flush, parse, rawClient, sync } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'
import { policyOf, routinesAt } from '../routines/routines-target.ts'
import { numbersTarget } from './numbers-target.ts'
import { runProgram } from './python-program.ts'
import { aWaitingEdge } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

/** Several executions of what is held in one batch, which is one transaction: an approval is for one of them. */

const numbers = numbersTarget(7)
const splits = [1, 7, Infinity]
const text = 'DELETE FROM numbers WHERE n = $1 RETURNING n'
const prepared = [parse(text, 'd'), sync]
const policies = ['{ role: owner }', '{ role: owner, wait_seconds: 60 }']
const whole = [1, 2, 3, 4, 5, 6, 7]

async function aClient(t: TestContext, edge: WaitingEdge): Promise<RawClient> {
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send(prepared)
  await client.answer()
  return client
}

/** Messages and details of the errors up to the next ReadyForQuery. */
async function errorsOf(client: RawClient): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { type, bytes } of client.packets()) {
    const message = decodeBackend(type, bytes, 0, bytes.length)
    if (message?.type !== 'error') continue
    found.push([message.fields.get('M'), message.fields.get('D')].join(' | '))
  }
  return found
}

const other = [parse('INSERT INTO numbers VALUES (8)'), bind(), execute()]
const one = (value: string) => [bind('d', '', [value]), execute()]

test('a batch with several is refused before anything is asked for or runs, however it is sent and cut', async (t) => {
  for (const approval of policies) {
    const edge = await aWaitingEdge(t, numbers.server, { approval })
    const client = await aClient(t, edge)
    const batches = [
      [...one('1'), ...one('2'), ...one('3'), sync],
      [bind('d', 'p', ['1']), bind('d', 'q', ['2']), execute('p'), execute('q'), sync],
      [bind('d', 'p', ['1']), execute('p', 1), bind('d', 'p', ['1']), execute('p', 1), sync],
      [
        parse(text),
        bind('', '', ['1']),
        execute(),
        parse(text),
        bind('', '', ['2']),
        execute(),
        sync,
      ],
      // With something else between them.
      [...one('1'), close('portal', ''), ...one('2'), sync],
      [...one('1'), describe('statement', 'd'), ...one('2'), sync],
      [...one('1'), ...other, ...one('2'), sync],
      [...one('1'), parse(text, 'e'), ...other, bind('e', 'p', ['2']), execute('p'), sync],
      // What ran before it is undone.
      [...other, ...one('1'), ...one('2'), sync],
    ]
    for (const [index, batch] of batches.entries()) {
      for (const writes of splits) {
        await client.send(batch, writes)
        const [error = '', ...others] = await errorsOf(client)
        assert.match(error, /^an approval is for one execution.* nothing of the batch runs/)
        assert.match(error, /send each by itself/, `batch ${index}`)
        assert.deepEqual(others, [])
        assert.deepEqual(await numbers.all(), whole)
      }
    }
    assert.equal(edge.held.size, 0)
    assert.equal(edge.recorder.of('approval.requested').length, 0)
    const deletes = edge.recorder
      .requests()
      .filter(({ operation, completion }) => operation === 'delete' && completion !== null)
    assert.equal(deletes.length, batches.length * splits.length)
    for (const { decision, completion } of deletes) {
      assert.deepEqual([decision, completion?.outcome], ['block', 'refused'])
      assert.match(completion?.error_message ?? '', /^an approval is for one execution/)
    }
  }
})

test('what is held only for the types that its Parse declares is one of several as well', async (t) => {
  const { server, owner } = numbers
  await owner.query(`
    CREATE FUNCTION checked(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE DOMAIN code AS text CHECK (public.checked(VALUE))`)
  t.after(() => owner.query('DROP DOMAIN code; DROP FUNCTION checked(text)'))
  const { rows } = await owner.query<{ oid: number }>("SELECT 'code'::regtype::oid AS oid")
  const routines = routinesAt(server)
  await routines.refresh(AbortSignal.timeout(10_000))
  const rules = aPolicy(
    "id: all, targets: [r], statements: [read, delete], relations: { read: ['*'], write: ['*'] }, functions: [public.checked], outcome: allow",
    'id: deletes, targets: [r], statements: [delete], outcome: hold, approval: { role: owner }',
    'id: checks, targets: [r], functions: [public.checked], outcome: hold, approval: { role: owner }',
  )
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password, { target: 'r' })
  const held = new HeldRequests({ edge: 'edge-test', clock: systemClock, newId: randomUUID })
  await using edge = await startEdge(server, {
    plain: true,
    target: { name: 'r' },
    guard: { credentials, policy: policyOf(routines, rules), held },
  })
  const client = await rawClient(edge)
  t.after(() => client.close())
  const typed = { ...parse('SELECT $1', 's'), parameterTypes: [rows[0]?.oid ?? 0] }
  const first = [parse('DELETE FROM numbers WHERE n = 1'), bind(), execute()]
  await client.send([...first, typed, bind('s', '', ['x']), execute(), sync])
  assert.match((await errorsOf(client))[0] ?? '', /^an approval is for one execution/)
  assert.equal(held.size, 0)
})

test('one that stands alone in its batch is asked for, and runs by its approval, once', async (t) => {
  const edge = await aWaitingEdge(t, numbers.server, { approval: policies[0] ?? '' })
  const client = await aClient(t, edge)
  const ends = [
    [sync],
    [flush, sync],
    [close('portal', ''), sync],
    [describe('statement', 'd'), sync],
    [...other, sync],
    [close('portal', ''), ...other, describe('statement', 'd'), flush, sync],
    // Bound, and not run.
    [bind('d', 'q', ['2']), close('portal', 'q'), sync],
    // What it runs is another statement by then.
    [
      parse('INSERT INTO numbers VALUES (8)', 'e'),
      bind('e'),
      execute(),
      close('statement', 'e'),
      sync,
    ],
  ]
  for (const [index, end] of ends.entries()) {
    for (const [at, writes] of splits.entries()) {
      const count = index * splits.length + at + 1
      const batch = [...one('1'), ...end]
      await client.send(batch, writes)
      assert.match((await errorsOf(client))[0] ?? '', /^held for approval/)
      edge.answer(await edge.asked(count))
      await client.send(batch, writes)
      assert.match((await client.answer()).types, /^2DC/)
      assert.ok(!(await numbers.all()).includes(1))
      await numbers.owner.query('DELETE FROM numbers WHERE n = 8; INSERT INTO numbers VALUES (1)')
    }
  }
})

test('several run in one batch where each of them is approved already, and none of them where one is not', async (t) => {
  for (const writes of splits) {
    const edge = await aWaitingEdge(t, numbers.server, { approval: policies[0] ?? '' })
    const client = await aClient(t, edge)
    const ask = async (value: string, count: number): Promise<void> => {
      await client.send([...one(value), sync])
      assert.match((await errorsOf(client))[0] ?? '', /^held for approval/)
      edge.answer(await edge.asked(count))
    }
    const refused = async (batch: Parameters<RawClient['send']>[0]): Promise<void> => {
      const used = edge.recorder.of('approval.used').length
      await client.send(batch, writes)
      assert.match((await errorsOf(client))[0] ?? '', /^an approval is for one execution/)
      assert.equal(edge.recorder.of('approval.used').length, used)
    }
    const both = [...one('1'), ...other, ...one('2'), sync]
    await ask('1', 1)
    await refused(both)
    await refused([...one('1'), ...one('1'), sync])
    await ask('2', 2)
    await refused([...both.slice(0, -1), ...one('3'), sync])
    await client.send(both, writes)
    const { types, rows } = await client.answer()
    assert.deepEqual([types, rows], ['2DC12C2DCZ', [['1'], ['2']]])
    assert.deepEqual(await numbers.all(), [3, 4, 5, 6, 7, 8])
    assert.equal(edge.recorder.of('approval.used').length, 2)
    // Each was for one run.
    await refused(both)
    assert.equal(edge.recorder.of('approval.requested').length, 2)
    await ask('3', 3)
    await ask('4', 4)
    await client.send([...one('3'), ...one('4'), parse('SELECT 1/0'), bind(), execute(), sync])
    assert.equal((await errorsOf(client)).length, 1)
    assert.deepEqual(await numbers.all(), [3, 4, 5, 6, 7, 8])
    await refused([...one('3'), ...one('4'), sync])
    assert.ok(edge.recorder.requests().every(({ completions }) => completions === 1))
    await numbers.owner.query(
      'DELETE FROM numbers WHERE n = 8; INSERT INTO numbers VALUES (1), (2)',
    )
  }
})

test('what lies behind it is kept up to a bound, and beyond it the batch is refused', async (t) => {
  for (const approval of policies) {
    const limits = { ...defaultLimits, maxWaitingBytes: 4_096, maxInFlight: 2_000 }
    const edge = await aWaitingEdge(t, numbers.server, { approval, limits })
    const client = await aClient(t, edge)
    const long = [parse(`SELECT '${'x'.repeat(5_000)}'`), bind(), execute()]
    const longest = [parse(`SELECT '${'x'.repeat(defaultLimits.maxStatementBytes)}'`)]
    const many = Array.from({ length: 600 }, () => describe('statement', 'd'))
    for (const behind of [long, longest, many]) {
      await client.send([...one('1'), ...behind, sync])
      const [error = '', ...others] = await errorsOf(client)
      assert.match(error, /^too much comes behind what needs approval .* nothing of the batch runs/)
      assert.deepEqual(others, [])
    }
    assert.equal(edge.held.size, 0)
    const deletes = edge.recorder.requests().filter(({ operation }) => operation === 'delete')
    assert.deepEqual(
      deletes.map(({ completion }) => completion?.outcome),
      ['refused', 'refused', 'refused'],
    )
    assert.deepEqual(await numbers.all(), whole)
  }
})

test('where a second one is refused in a transaction, it says which approval is used up, and nothing is kept', async (t) => {
  const transactions = [
    // In one batch, of which the client wants the first answers before it goes on.
    [...one('1'), flush, ...one('2'), sync],
    [parse('BEGIN'), bind(), execute(), sync, ...one('1'), sync, ...one('2'), sync],
  ]
  for (const messages of transactions) {
    for (const writes of splits) {
      const edge = await aWaitingEdge(t, numbers.server, { approval: policies[0] ?? '' })
      const client = await aClient(t, edge)
      await client.send([...one('1'), sync])
      await errorsOf(client)
      const asked = await edge.asked()
      edge.answer(asked)
      await client.send(messages, writes)
      const errors: string[] = []
      for (const message of messages) {
        if (message === sync) errors.push(...(await errorsOf(client)))
      }
      const id = asked.approval?.approval_id ?? ''
      assert.equal(errors.length, 1)
      assert.match(
        errors[0] ?? '',
        new RegExp(`^held for approval .* \\| approval ${id} has been used in this transaction`),
      )
      await client.query('ROLLBACK')
      assert.deepEqual(await numbers.all(), whole)
      const used = edge.recorder.of('approval.used').map(({ approval }) => approval?.approval_id)
      assert.deepEqual(used, [id])
      // Another transaction has undone nothing.
      await client.send([...one('2'), sync])
      assert.match((await errorsOf(client))[0] ?? '', /^held for approval .* \| $/)
    }
  }
})

test('what a client sent and left behind is recorded, and did not run', async (t) => {
  for (const approval of policies) {
    const edge = await aWaitingEdge(t, numbers.server, { approval })
    for (const leave of [
      (client: RawClient) => client.close(),
      (client: RawClient) => client.send([{ type: 'terminate' }]),
    ]) {
      const client = await aClient(t, edge)
      const count = edge.recorder.of('session.ended').length + 1
      await client.send(one('1'))
      await leave(client)
      await edge.recorder.until('session.ended', count)
    }
    const deletes = edge.recorder.requests().filter(({ operation }) => operation === 'delete')
    assert.deepEqual(
      deletes.map(({ decision, completion }) => [decision, completion?.outcome]),
      [
        ['block', 'cancelled'],
        ['block', 'cancelled'],
      ],
    )
    assert.match(deletes[0]?.completion?.error_message ?? '', /^the client left before/)
    assert.deepEqual(await numbers.all(), whole)
  }
})

test('executemany of psycopg is refused whole, in a transaction or not', async (t) => {
  const python = await pythonOfDrivers(t)
  if (python === null) return
  for (const approval of policies) {
    const edge = await aWaitingEdge(t, numbers.server, { approval })
    const { stdout } = await runProgram(python, './psycopg_many.py', edge)
    const outcomes = JSON.parse(stdout) as [string, string][]
    assert.equal(outcomes.length, 2)
    for (const [code, message] of outcomes) {
      assert.equal(code, '42501')
      assert.match(message, /^an approval is for one execution .* executemany/)
    }
    assert.equal(edge.held.size, 0)
    assert.deepEqual(await numbers.all(), whole)
  }
})

test('executemany of asyncpg is refused whole, and what its error says to do works', async (t) => {
  const python = await pythonOfDrivers(t)
  if (python === null) return
  for (const approval of policies) {
    const edge = await aWaitingEdge(t, numbers.server, { approval })
    const running = runProgram(python, './asyncpg_many.py', edge)
    const answering = (async () => {
      for (let count = 1; ; count++) {
        const asked = await Promise.race([edge.asked(count), running.then(() => null)])
        if (asked === null) return
        edge.answer(asked)
      }
    })()
    const { stdout } = await running
    await answering
    const { many, transaction, two, ...outcome } = JSON.parse(stdout) as Record<string, unknown>
    for (const [code, message] of [many, transaction] as [string, string][]) {
      assert.equal(code, '42501')
      assert.match(message, /^an approval is for one execution .* executemany/)
    }
    const granted = ['ran', 'DELETE 1']
    assert.deepEqual(outcome, {
      inserted: ['ran', null],
      count: 5007,
      one: ['ran', null],
      after_one: 5006,
      each: [granted, granted],
      at_once: ['ran', 'DELETE 2'],
      after_all: 5002,
      rest: 5002,
    })
    assert.match((two as string[])[2] ?? '', /has been used in this transaction/)
    await numbers.owner.query('TRUNCATE numbers')
    await numbers.owner.query('INSERT INTO numbers SELECT generate_series(1, 7)')
  }
})
