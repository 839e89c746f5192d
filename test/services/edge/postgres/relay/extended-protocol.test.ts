import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { startTarget } from '../edge-fixture.ts'
import { aWire, bind, close, describe, execute, flush, parse, sync } from '../raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('a refused statement behind others in flight is answered in its turn', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([
    parse("SELECT 'first'"),
    bind(),
    execute(),
    sync,
    parse("SELECT 'second'"),
    bind(),
    execute(),
    parse('DROP TABLE t'),
    bind(),
    execute(),
    parse("SELECT 'skipped'"),
    bind(),
    execute(),
    sync,
    parse("SELECT 'third'"),
    bind(),
    execute(),
    sync,
  ])
  const answer = await client.answer(3)
  assert.deepEqual(answer.rows, [['first'], ['second'], ['third']])
  assert.equal(answer.types, '12DCZ12DCEZ12DCZ')
  assert.deepEqual(answer.errors, ['42501'])
  assert.deepEqual(
    edge.recorder.requests().map(({ text, completion }) => [text, completion?.outcome]),
    [
      ["SELECT 'first'", 'ok'],
      ["SELECT 'second'", 'ok'],
      ['DROP TABLE t', 'refused'],
      ["SELECT 'third'", 'ok'],
    ],
  )
})

test('a prepared statement is decided by the policy in force when it runs', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([parse("SELECT 'kept'", 'kept'), sync])
  await client.answer()
  await client.send([bind('kept'), execute(), sync])
  assert.deepEqual((await client.answer()).rows, [['kept']])
  edge.policy.digest = Buffer.alloc(32, 1)
  const allowed = edge.policy.decide("SELECT 'kept'")
  edge.policy.decide = () => ({ ...allowed, refusal: { kind: 'blocked', message: 'no longer' } })
  await client.send([bind('kept'), execute(), sync])
  const answer = await client.answer()
  assert.deepEqual([answer.rows, answer.errors], [[], ['42501']])
  assert.equal(edge.recorder.of('request.received').at(-1)?.decision?.outcome, 'block')
})

test('a refusal undoes what its batch did before, as a failing statement would', async (t) => {
  const { client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE undone (n int)')
  await client.send([
    parse('INSERT INTO undone VALUES (1)'),
    bind(),
    execute(),
    parse('DROP TABLE undone'),
    bind(),
    execute(),
    sync,
  ])
  assert.equal((await client.answer()).types, '12CEZ')
  assert.deepEqual((await client.query('SELECT count(*) FROM undone')).rows, [['0']])
})

test('simple queries in flight together keep their order around a refusal', async (t) => {
  const { client } = await aWire(t, server)
  const query = (sql: string) => ({ type: 'query', text: Buffer.from(sql) }) as const
  await client.send(
    ['SELECT 1', 'BEGIN', 'DROP TABLE t', 'SELECT 2', 'ROLLBACK', 'SELECT 3'].map(query),
  )
  const answer = await client.answer(6)
  assert.deepEqual(answer.rows, [['1'], ['3']])
  assert.deepEqual(answer.errors, ['42501', '25P02'])
  assert.equal(answer.status, 'I')
})

test('statements and portals are recorded by what their names stand for', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([parse("SELECT 'a' || $1", 'a'), parse("SELECT 'b' || $1", 'b'), sync])
  await client.answer()
  await client.send([
    bind('a', 'p', ['1']),
    bind('b', 'q', ['2']),
    execute('q'),
    execute('p'),
    close('statement', 'a'),
    bind('b', '', ['3']),
    execute(),
    sync,
  ])
  assert.deepEqual((await client.answer()).rows, [['b2'], ['a1'], ['b3']])
  const runs = edge.recorder.requests().filter(({ operation }) => operation === 'select')
  assert.deepEqual(
    runs.map(({ text, parameters }) => [text, ...parameters]),
    [
      ["SELECT 'b' || $1", '2'],
      ["SELECT 'a' || $1", '1'],
      ["SELECT 'b' || $1", '3'],
    ],
  )
  await client.send([bind('a', '', ['4']), execute(), sync])
  assert.deepEqual((await client.answer()).errors, ['26000'])
  await client.send([execute('p'), sync])
  assert.deepEqual((await client.answer()).errors, ['34000'])
})

test('a living name that is parsed anew keeps its statement, in the target and in the record', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([parse("SELECT 'old'", 's'), sync])
  await client.answer()
  await client.send([parse("SELECT 'new'", 's'), sync, bind('s'), execute(), sync])
  const answer = await client.answer(2)
  assert.deepEqual([answer.errors, answer.rows], [['42P05'], [['old']]])
  assert.equal(edge.recorder.requests().at(-1)?.text, "SELECT 'old'")
})

test('a name dropped by SQL and parsed anew stands for the new statement', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([parse("SELECT 'old'", 's'), sync])
  await client.answer()
  await client.query('DEALLOCATE s')
  await client.send([parse("SELECT 'new'", 's'), bind('s'), execute(), sync])
  assert.deepEqual((await client.answer()).rows, [['new']])
  assert.equal(edge.recorder.requests().at(-1)?.text, "SELECT 'new'")
})

test('what a failed batch skipped changes no name', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([parse("SELECT 'kept'"), bind(), execute(), sync])
  await client.answer()
  await client.send([
    parse('SELECT no_such_column', 'bad'),
    parse("SELECT 'skipped'"),
    sync,
    bind(),
    execute(),
    sync,
  ])
  const answer = await client.answer(2)
  assert.deepEqual([answer.errors, answer.rows], [['42703'], [['kept']]])
  assert.equal(edge.recorder.requests().at(-1)?.text, "SELECT 'kept'")
})

test('a failing message fails its batch once, and later parts of it are not run', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([
    parse('SELECT 1/0'),
    bind(),
    execute(),
    parse("SELECT 'skipped'"),
    bind(),
    execute(),
    sync,
  ])
  assert.equal((await client.answer()).types, '1EZ')
  assert.deepEqual(
    edge.recorder
      .requests()
      .map(({ completion }) => [completion?.outcome, completion?.error_message]),
    [
      ['error', 'division by zero'],
      ['error', 'not run: an earlier message of its batch failed'],
    ],
  )
})

test('an error before any Sync leaves both sides waiting for it', async (t) => {
  const { client } = await aWire(t, server)
  await client.send([parse('SELECT no_such_column'), flush])
  await delay(50)
  await client.send([parse("SELECT 'skipped'"), bind(), execute(), sync])
  assert.equal((await client.answer()).types, 'EZ')
  assert.deepEqual((await client.query('SELECT 1')).rows, [['1']])
})

test('a portal can be read in pieces, each of them a request', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([
    parse('SELECT generate_series(1, 5)'),
    bind('', 'c'),
    describe('portal', 'c'),
    execute('c', 2),
    execute('c', 2),
    execute('c', 2),
    sync,
  ])
  const answer = await client.answer()
  assert.equal(answer.types, '12TDDsDDsDCZ')
  assert.deepEqual(
    edge.recorder.requests().map(({ completion }) => completion?.rows),
    [2, 2, 1],
  )
})

test('a portal that is bound behind a query, without waiting for it, is there when that one is over', async (t) => {
  const { client } = await aWire(t, server)
  for (const writes of [1, 40, Infinity]) {
    for (const text of ['SAVEPOINT a', 'SELECT 1']) {
      const messages = [
        { type: 'query', text: Buffer.from(text) } as const,
        parse('SELECT 2', 's'),
        bind('s', 'p'),
        execute('p'),
        close('statement', 's'),
        sync,
      ]
      await client.send(messages, writes)
      const { rows, errors } = await client.answer(2)
      assert.deepEqual(rows.at(-1), ['2'])
      assert.deepEqual(errors, text === 'SELECT 1' ? [] : ['25P01'])
    }
  }
})
