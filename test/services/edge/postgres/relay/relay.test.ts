import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'

import pg from 'pg'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { encodeStartup } from '../../../../../services/edge/postgres/protocol/startup.ts'
import { directClient, startEdge, startTarget, untilTarget } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'
import { until } from '../../../../support/until.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

async function anEdge(
  t: TestContext,
  changes: Parameters<typeof startEdge>[1] = {},
): Promise<TestEdge> {
  const edge = await startEdge(server, changes)
  t.after(() => edge[Symbol.asyncDispose]())
  return edge
}

async function aClient(t: TestContext, edge: TestEdge): Promise<pg.Client> {
  const client = new pg.Client(edge.client)
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  return client
}

/** As libpq does before version 17: in the clear, on a connection of its own, which the server closes. */
async function sendCancel(edge: TestEdge, processId: number, secret: number): Promise<void> {
  const key = Buffer.alloc(4)
  key.writeInt32BE(secret | 0)
  const socket = connect(edge.client.port, edge.client.host)
  socket.write(encodeStartup({ type: 'cancel-request', processId, key }))
  socket.resume()
  await once(socket, 'close')
}

test('a simple query is answered and recorded with its result', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const result = await client.query('SELECT 40 + 2 AS answer')
  assert.deepEqual(result.rows, [{ answer: 42 }])
  const [request] = edge.recorder.requests()
  assert.equal(request?.text, 'SELECT 40 + 2 AS answer')
  assert.equal(request.mode, 'simple')
  assert.equal(request.decision, 'allow')
  assert.equal(request.completions, 1)
  assert.equal(request.completion?.outcome, 'ok')
  assert.equal(request.completion.command_tag, 'SELECT 1')
  assert.equal(request.completion.rows, 1)
  assert.equal(request.response?.truncated, false)
  const digest = createHash('sha256').update(request.response.content).digest()
  assert.deepEqual(request.completion.response_sha256, digest)
  assert.ok(request.response.content.includes('answer'))
})

test('the events of a session say who, from where, on what', async (t) => {
  const edge = await anEdge(t)
  const client = new pg.Client({ ...edge.client, application_name: 'the tests' })
  await client.connect()
  await client.query('SELECT 1')
  await client.end()
  const [ended] = await edge.recorder.until('session.ended')
  const types = edge.recorder.events.map((event) => event.type)
  assert.deepEqual(types, [
    'auth.succeeded',
    'session.started',
    'request.received',
    'request.completed',
    'session.ended',
  ])
  assert.equal(ended?.actor?.subject, 'agent-7')
  assert.equal(ended.actor.client, 'the tests')
  assert.equal(ended.target?.name, 'orders')
  assert.match(ended.source?.tls ?? '', /^TLSv1\.3 /)
  assert.equal(ended.session?.outcome, 'closed')
  assert.equal(ended.session.requests, 1)
  assert.equal(new Set(edge.recorder.events.map((event) => event.session_id)).size, 1)
})

test('bind parameters of the extended protocol are recorded with the statement that runs', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const result = await client.query('SELECT $1::int + $2::int AS sum, $3::text AS nothing', [
    1,
    2,
    null,
  ])
  assert.deepEqual(result.rows, [{ sum: 3, nothing: null }])
  const requests = edge.recorder.requests()
  assert.equal(requests.length, 1)
  assert.deepEqual(requests[0]?.parameters, ['1', '2', null])
  assert.equal(requests[0].mode, 'extended')
  assert.equal(requests[0].completion?.rows, 1)
  assert.ok(requests[0].response?.content.includes('sum'), 'the row description is recorded')
})

test('a named statement is recorded at each execution', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  for (const value of ['a', 'b', 'c']) {
    const query = { name: 'echo', text: 'SELECT $1::text AS value', values: [value] }
    assert.deepEqual((await client.query(query)).rows, [{ value }])
  }
  const requests = edge.recorder.requests()
  assert.deepEqual(
    requests.map((request) => request.parameters),
    [['a'], ['b'], ['c']],
  )
  assert.ok(requests.every((request) => request.text === 'SELECT $1::text AS value'))
})

test("an error of the target is the client's and stands in the record", async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await assert.rejects(client.query('SELECT 1/0'), { code: '22012' })
  await assert.rejects(client.query('SELECT $1::int / 0', [1]), { code: '22012' })
  await assert.rejects(client.query('SELECT no_such_column', []), { code: '42703' })
  await assert.rejects(client.query('SELECT $1 FROM no_such_table', [1]), { code: '42P01' })
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  const completions = edge.recorder.requests().map((request) => request.completion)
  assert.deepEqual(
    completions.map((completion) => completion?.error_code),
    ['22012', '22012', '42703', '42P01', null],
  )
})

test('a refused statement never reaches the target and the session goes on', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await client.query('CREATE TABLE kept (id int)')
  t.after(() => client.query('TRUNCATE kept').catch(() => undefined))
  for (const values of [undefined, []]) {
    await assert.rejects(client.query('DROP TABLE kept', values), (error: pg.DatabaseError) => {
      assert.equal(error.code, '42501')
      assert.match(error.message, /DROP TABLE is not allowed/)
      assert.match(error.hint ?? '', /^affidavit decision \S+: who may search/)
      return true
    })
  }
  assert.equal((await client.query('SELECT count(*)::int AS n FROM kept')).rows[0].n, 0)
  const refused = edge.recorder.requests().filter((request) => request.decision === 'block')
  assert.equal(refused.length, 2)
  for (const request of refused) {
    assert.equal(request.text, 'DROP TABLE kept')
    assert.equal(request.completions, 1)
    assert.equal(request.completion?.outcome, 'refused')
  }
})

test('a refused statement aborts the transaction it stands in, on both sides', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await client.query('BEGIN')
  await assert.rejects(client.query('DROP TABLE whatever'), { code: '42501' })
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  await assert.rejects(client.query('DROP TABLE whatever', []), { code: '42501' })
  await assert.rejects(client.query('SELECT 1', []), { code: '25P02' })
  await client.query('ROLLBACK')
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})

test('one refused statement among several refuses them all', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await assert.rejects(client.query('CREATE TABLE half (); DROP TABLE whatever'), { code: '42501' })
  await assert.rejects(client.query('SELECT 1 FROM half'), { code: '42P01' })
})

test("a plain syntax error reads as PostgreSQL's own", async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await assert.rejects(client.query('  SELCT 1'), (error: pg.DatabaseError) => {
    assert.deepEqual([error.code, error.position, error.hint], ['42601', '3', undefined])
    return true
  })
  const [request] = edge.recorder.requests()
  assert.equal(request?.completion?.outcome, 'refused')
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})

test('an empty query is answered as one', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  assert.equal((await client.query('')).rows.length, 0)
  assert.equal(edge.recorder.requests()[0]?.operation, 'empty')
})

test('several statements in one query are counted together', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await client.query(
    'CREATE TEMP TABLE several (id int); INSERT INTO several SELECT generate_series(1, 5); SELECT * FROM several LIMIT 2',
  )
  const [request] = edge.recorder.requests()
  assert.equal(request?.completion?.rows, 12 - 5)
  assert.equal(request.completion.command_tag, 'CREATE TABLE; INSERT 0 5; SELECT 2')
})

test('a result beyond the limit is recorded up to it, with true totals', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const { rows } = await client.query(
    "SELECT n, repeat('x', 100) AS pad FROM generate_series(1, 20000) AS n",
  )
  assert.equal(rows.length, 20_000)
  const [request] = edge.recorder.requests()
  assert.equal(request?.completion?.rows, 20_000)
  assert.ok(request.completion.bytes_out > 20_000 * 100)
  const recorded = edge.recorder.of('response.recorded')
  const chunks = [...recorded.map((event) => event.response), request.response]
  assert.deepEqual(
    chunks.map((chunk) => chunk?.chunk),
    chunks.map((_, index) => index),
  )
  const bytes = chunks.reduce((sum, chunk) => sum + (chunk?.content.length ?? 0), 0)
  assert.equal(bytes, 64 * 1024)
  assert.equal(chunks.at(-1)?.truncated, true)
})

test('a row longer than any buffer is relayed and counted once', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const { rows } = await client.query("SELECT repeat('y', 3000000) AS big, 1 AS one")
  assert.equal(rows[0].big.length, 3_000_000)
  assert.equal(edge.recorder.requests()[0]?.completion?.rows, 1)
})

test('a cancelled statement ends with 57014 and is recorded as cancelled', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const cancelled = assert.rejects(client.query('SELECT pg_sleep(60)'), { code: '57014' })
  await untilTarget(server, "wait_event = 'PgSleep'")
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  await sendCancel(edge, processID, secretKey + 1)
  await sendCancel(edge, processID, secretKey)
  await cancelled
  // The error comes before the end of the request does.
  await client.query('SELECT 1')
  assert.equal(edge.recorder.requests()[0]?.completion?.outcome, 'cancelled')
})

test('what a session ran does not run on when it ends', async (t) => {
  const edge = await anEdge(t)
  const client = new pg.Client(edge.client)
  client.on('error', () => undefined)
  await client.connect()
  const ended = assert.rejects(client.query('SELECT pg_sleep(60)'))
  await untilTarget(server, "wait_event = 'PgSleep'")
  edge.credentials.revoke('credential-of-agent')
  await ended
  const direct = await directClient(server)
  t.after(() => direct.end())
  const running =
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
  await until(async () => (await direct.query(running)).rows.length === 0)
})

test('in strict mode nothing is forwarded before it is on disk', async (t) => {
  const edge = await anEdge(t, { target: { durability: 'strict' } })
  const client = await aClient(t, edge)
  await client.query('CREATE SEQUENCE forwarded')
  t.after(async () => {
    edge.recorder.untilDurable = () => Promise.resolve()
    await client.query('DROP SEQUENCE IF EXISTS forwarded').catch(() => undefined)
  })
  const disk = Promise.withResolvers<void>()
  edge.recorder.untilDurable = () => disk.promise
  const before = edge.recorder.of('request.received').length
  const answer = client.query("SELECT nextval('forwarded')::int AS n")
  await edge.recorder.until('request.received', before + 1)
  const other = await directClient(server)
  t.after(() => other.end())
  const { rows } = await other.query('SELECT is_called FROM forwarded')
  assert.deepEqual(rows, [{ is_called: false }])
  disk.resolve()
  assert.deepEqual((await answer).rows, [{ n: 1 }])
})

test('what cannot be recorded is refused, or passes where the target says so', async (t) => {
  const refusing = await anEdge(t)
  const client = await aClient(t, refusing)
  refusing.recorder.refusal = 'spool_full'
  await assert.rejects(client.query('SELECT 1'), { code: '58030' })
  await assert.rejects(client.query('SELECT $1::int', [1]), { code: '58030' })
  refusing.recorder.refusal = null
  assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  const allowing = await anEdge(t, { target: { onAuditFailure: 'allow' } })
  const other = await aClient(t, allowing)
  allowing.recorder.refusal = 'spool_full'
  assert.deepEqual((await other.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})

test('another policy counts from the next statement on', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  await client.query('SELECT 1')
  await client.query('SELECT 1')
  assert.equal(edge.policy.decided, 1, 'the same text is decided once')
  edge.policy.digest = Buffer.alloc(32, 7)
  await client.query('SELECT 1')
  assert.equal(edge.policy.decided, 2)
  assert.deepEqual(edge.recorder.of('request.received').at(-1)?.policy_digest, Buffer.alloc(32, 7))
})

test('a setting that changes what text means ends the session', async (t) => {
  const edge = await anEdge(t)
  const client = await aClient(t, edge)
  const ended = client.query("SELECT set_config('standard_conforming_strings', 'off', false)")
  await assert.rejects(ended.then(() => client.query('SELECT 1')))
  const [event] = await edge.recorder.until('session.ended')
  assert.equal(event?.session?.outcome, 'protocol_error')
})
