import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { encodeStartup } from '../../../../../services/edge/postgres/protocol/startup.ts'
import { startEdge, startTarget, untilTarget } from '../edge-fixture.ts'
import { aWire, bind, execute, parse, rawClient, sync } from '../raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('input split at every byte is relayed and recorded as input in one piece', async (t) => {
  const { edge, client } = await aWire(t, server, { writes: 1 })
  await client.send([{ type: 'query', text: Buffer.from("SELECT 'split'") }], 1)
  assert.deepEqual((await client.answer()).rows, [['split']])
  await client.send([parse('SELECT $1::text', 's'), bind('s', 'p', ['v']), execute('p'), sync], 1)
  assert.deepEqual((await client.answer()).rows, [['v']])
  await client.send([parse('DROP TABLE t'), bind(), execute(), sync], 1)
  assert.deepEqual((await client.answer()).errors, ['42501'])
  assert.deepEqual((await client.query('SELECT 2')).rows, [['2']])
  const run = edge.recorder.requests().filter(({ operation }) => operation === 'select')
  assert.deepEqual(
    run.map(({ text, parameters }) => [text, ...parameters]),
    [["SELECT 'split'"], ['SELECT $1::text', 'v'], ['SELECT 2']],
  )
  assert.ok(edge.recorder.requests().every(({ completions }) => completions === 1))
})

test('a function call by number is refused', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.send([{ type: 'function-call', oid: 2923, parameters: [], resultFormat: 0 }])
  const answer = await client.answer()
  assert.deepEqual([answer.types, answer.errors], ['EZ', ['42501']])
  assert.equal(edge.recorder.requests()[0]?.mode, 'function_call')
  assert.deepEqual((await client.query('SELECT 1')).rows, [['1']])
})

test('NUL, broken UTF-8 and statements over the limit are refused and recorded', async (t) => {
  const { edge, client } = await aWire(t, server)
  const long = `SELECT '${'x'.repeat(300_000)}'`
  assert.deepEqual((await client.query('SELECT 1\0; DROP TABLE t')).errors, ['42501'])
  assert.deepEqual((await client.query(Buffer.from("SELECT '\xff'", 'latin1'))).errors, ['42501'])
  assert.deepEqual((await client.query(long)).errors, ['42501'])
  await client.send([parse(long), bind(), execute(), sync])
  assert.deepEqual((await client.answer()).errors, ['42501'])
  assert.deepEqual((await client.query('SELECT 1')).rows, [['1']])
  const received = edge.recorder.of('request.received').map((event) => event.request)
  assert.ok(received[0]?.statement.includes(0))
  assert.deepEqual(received[2]?.statement_sha256, createHash('sha256').update(`${long}\0`).digest())
  assert.equal(received[2].statement_bytes, long.length + 1)
  assert.ok(received[2].statement.length < long.length)
})

test('protocol versions and options we do not know are negotiated', async (t) => {
  const { client } = await aWire(t, server, {
    minor: 9,
    parameters: { '_pq_.command_tag_format': '1' },
  })
  assert.deepEqual(
    client.startup.find((message) => message.type === 'negotiate-protocol-version'),
    { type: 'negotiate-protocol-version', minor: 2, options: ['_pq_.command_tag_format'] },
  )
  assert.deepEqual((await client.query('SELECT 1')).rows, [['1']])
})

test('cancel keys are ours, and long where the protocol allows it', async (t) => {
  const { client, edge } = await aWire(t, server, { minor: 2 })
  const key = client.startup.find((message) => message.type === 'backend-key-data')
  assert.equal(key?.type === 'backend-key-data' && key.key.length, 32)
  await client.send([{ type: 'query', text: Buffer.from('SELECT pg_sleep(60)') }])
  await untilTarget(server, "wait_event = 'PgSleep'")
  assert.equal(key?.type, 'backend-key-data')
  const { processId, key: secret } = key
  const wrong = Buffer.from(secret)
  wrong[0] = (wrong[0] ?? 0) ^ 1
  for (const tried of [wrong, secret.subarray(0, 4), secret]) {
    const socket = connect(edge.client.port, edge.client.host)
    socket.write(encodeStartup({ type: 'cancel-request', processId, key: tried }))
    socket.resume()
    await once(socket, 'close')
  }
  assert.deepEqual((await client.answer()).errors, ['57014'])
})

test('bytes that are no protocol end their own session and no other', async (t) => {
  const { edge, client } = await aWire(t, server)
  const header = (type: string, length: number): Buffer => {
    const bytes = Buffer.from(`${type}\0\0\0\0`, 'latin1')
    bytes.writeUInt32BE(length, 1)
    return bytes
  }
  const broken = [
    ...[0, 1, 2, 3].map((length) => header('Q', length)),
    header('Q', 0x7fffffff),
    header('~', 4),
    Buffer.concat([header('Q', 7), Buffer.from('abc')]),
    Buffer.concat([header('B', 8), Buffer.from([0, 0, 0, 9])]),
    Buffer.concat([header('E', 5), Buffer.from('a')]),
  ]
  for (const bytes of broken) {
    const victim = await rawClient(edge)
    await victim.send([bytes])
    const { types, errors } = await victim.answer()
    assert.deepEqual([types, errors], ['E', ['08P01']])
    await victim.close()
  }
  assert.deepEqual((await client.query('SELECT 1')).rows, [['1']])
  const outcomes = edge.recorder.of('session.ended').map((event) => event.session?.outcome)
  assert.deepEqual(outcomes, Array(broken.length).fill('protocol_error'))
})

test('before sign-in, what is no startup packet gets no further and is an event', async (t) => {
  const edge = await startEdge(server)
  t.after(() => edge[Symbol.asyncDispose]())
  const answerTo = async (bytes: Buffer): Promise<string> => {
    const socket = connect(edge.client.port, edge.client.host)
    socket.on('error', () => undefined)
    socket.write(bytes)
    return text(socket)
  }
  const ssl = encodeStartup({ type: 'ssl-request' })
  const gss = encodeStartup({ type: 'gssenc-request' })
  assert.equal(await answerTo(Buffer.concat([ssl, Buffer.of(0x16)])), '')
  assert.equal(await answerTo(Buffer.concat([gss, ssl])), '')
  assert.match(await answerTo(Buffer.from('GET / HTTP/1.1\r\n\r\n')), /08P01/)
  assert.match(await answerTo(Buffer.of(0, 0, 0, 3, 0, 0, 0, 0)), /08P01/)
  const version2 = encodeStartup({ type: 'startup', major: 2, minor: 0, parameters: new Map() })
  assert.match(await answerTo(version2), /0A000/)
  assert.ok(edge.recorder.of('auth.failed').length >= 4)
  assert.ok(edge.recorder.of('auth.failed').every((event) => event.auth?.method === 'none'))
})
