import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'

import pg from 'pg'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { PacketReader } from '../../../../../services/edge/postgres/packet-reader.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import { encodeStartup } from '../../../../../services/edge/postgres/protocol/startup.ts'
import { startEdge, startTarget } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'

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

async function signIn(edge: TestEdge): Promise<string> {
  const client = new pg.Client(edge.client)
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query('SELECT current_user AS name')
    await client.end()
    return String(rows[0].name)
  } catch (error) {
    return (error as pg.DatabaseError).code ?? (error as Error).message
  }
}

const startup = encodeStartup({
  type: 'startup',
  major: 3,
  minor: 0,
  parameters: new Map([['user', 'agent']]),
})

test('a client may begin with TLS itself, when it says by ALPN what it speaks', async (t) => {
  const edge = await anEdge(t)
  const ca = edge.client.ssl === false ? '' : edge.client.ssl.ca
  const options = { host: edge.client.host, port: edge.client.port, ca, servername: 'localhost' }
  const socket = connectTls({ ...options, ALPNProtocols: ['postgresql'] })
  await once(socket, 'secureConnect')
  const reader = new PacketReader(socket, 10_000)
  socket.write(startup)
  assert.match((await reader.message())?.bytes.toString('latin1') ?? '', /SCRAM-SHA-256/)
  socket.destroy()
  const silent = connectTls(options)
  silent.on('error', () => undefined)
  await once(silent, 'secureConnect')
  silent.write(startup)
  assert.equal(await new PacketReader(silent, 10_000).message(), null)
})

test('a client that asks for GSS encryption is told no and may go on to TLS', async (t) => {
  const edge = await anEdge(t)
  const raw = connect(edge.client.port, edge.client.host)
  const reader = new PacketReader(raw, 10_000)
  raw.write(encodeStartup({ type: 'gssenc-request' }))
  assert.equal(await reader.byte(), 'N'.charCodeAt(0))
  raw.write(encodeStartup({ type: 'ssl-request' }))
  assert.equal(await reader.byte(), 'S'.charCodeAt(0))
  reader.detach()
  const ca = edge.client.ssl === false ? '' : edge.client.ssl.ca
  const socket = connectTls({ socket: raw, ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  socket.write(startup)
  const answer = await new PacketReader(socket, 10_000).message()
  assert.match(answer?.bytes.toString('latin1') ?? '', /SCRAM-SHA-256-PLUS/)
  socket.destroy()
})

test('the target is signed in to with the held credential, over TLS that is checked', async (t) => {
  const ways = [
    { tls: { mode: 'verify-full', ca: server.ca } },
    { tls: { mode: 'verify-ca', ca: server.ca } },
    { tls: { mode: 'disable' } },
  ] as const
  for (const target of ways) {
    assert.equal(await signIn(await anEdge(t, { target })), server.superuser)
  }
})

test('a target that is not who it should be, or does not let us in, gets no session', async (t) => {
  const strange = await anEdge(t)
  const strangeCa = strange.client.ssl === false ? '' : strange.client.ssl.ca
  const plain = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('N'))
  }).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.after(() => plain.close())
  const { port } = plain.address() as AddressInfo
  const targets = [
    { tls: { mode: 'verify-full', ca: strangeCa } },
    { tls: { mode: 'verify-ca', ca: strangeCa } },
    { password: new ScramPassword('not the password') },
    { database: 'no-such-database' },
    { port },
    { port: 1 },
  ] as const
  for (const target of targets) {
    const edge = await anEdge(t, { target })
    assert.equal(await signIn({ ...edge, client: { ...edge.client, database: 'agent' } }), '08006')
    const [ended] = await edge.recorder.until('session.ended')
    assert.equal(ended?.session?.outcome, 'target_lost')
  }
})

test('a target that lets us in without knowing the password is not believed', async (t) => {
  // SASL offer, then AuthenticationOk without the end of the exchange.
  const impostor = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(Buffer.from('R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0', 'latin1'))
      socket.once('data', () => socket.write(Buffer.from('R\0\0\0\x08\0\0\0\0', 'latin1')))
    })
  }).listen(0, '127.0.0.1')
  await once(impostor, 'listening')
  t.after(() => impostor.close())
  const { port } = impostor.address() as AddressInfo
  const edge = await anEdge(t, { target: { port, tls: { mode: 'disable' } } })
  assert.equal(await signIn(edge), '08006')
})

test('a target that does not answer is given up', async (t) => {
  const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const options = { limits: { targetMs: 50 } }
  const edge = await anEdge(t, { target: { port }, options })
  assert.equal(await signIn(edge), '08006')
})

test('sessions beyond the limit are told so, and there is room again when one ends', async (t) => {
  const edge = await anEdge(t, { options: { limits: { maxSessions: 1 } }, plain: true })
  const first = new pg.Client(edge.client)
  await first.connect()
  assert.equal(edge.edge.sessions, 1)
  assert.equal(await signIn(edge), '53300')
  await first.end()
  let found = await signIn(edge)
  while (found === '53300') found = await signIn(edge)
  assert.equal(found, server.superuser)
})

test('who says nothing is cut off', async (t) => {
  const edge = await anEdge(t, { options: { limits: { handshakeMs: 50 } } })
  const socket = connect(edge.client.port, edge.client.host)
  socket.resume()
  await once(socket, 'close')
  assert.deepEqual(edge.recorder.events, [])
})

test('without TLS the edge listens on the loopback address only', async () => {
  await assert.rejects(
    startEdge(server, { plain: true, options: { listen: { host: '0.0.0.0', port: 0 } } }),
    RangeError,
  )
})
