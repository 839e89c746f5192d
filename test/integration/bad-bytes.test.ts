import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import type { DemoSession } from '../../services/all-in-one/demo/demo-access.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

suite('bytes on the port of the edge that are no PostgreSQL protocol', () => {
  let stack: DemoStack
  let session: DemoSession
  /** Somebody else, who works all the time. */
  let other: Client
  before(async () => {
    stack = await demoStack()
    session = await stack.demo.connect('olivia')
    other = await connected()
  })
  after(async () => {
    await other.end()
    await stack[Symbol.asyncDispose]()
  })

  const connected = async (): Promise<Client> => {
    const { host, port, database, user, password, ca } = session
    const client = new Client({ host, port, database, user, password, ssl: { ca } })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const sealed = async (from: number): Promise<readonly AuditEvent[]> => {
    const { reader } = stack.demo.product
    const events: AuditEvent[] = []
    for (const { origin, size } of await reader.logs()) {
      for await (const { payload } of reader.entries(origin, from, size)) {
        if (payload !== null) events.push(decodeEvent(payload))
      }
    }
    return events
  }
  const sealedSoFar = async (): Promise<number> =>
    (await stack.demo.product.reader.logs())[0]?.size ?? 0

  const beforeSignIn: readonly (readonly [string, Buffer])[] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n')],
    ['a length of 3', Buffer.from([0, 0, 0, 3])],
    ['a length of 0', Buffer.from([0, 0, 0, 0, 0, 3, 0, 0])],
    ['a length of 2 GiB', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['a length over all', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['an unknown version', startup(Buffer.from('user\0olivia\0\0'), 0x00090000)],
    ['parameters without an end', startup(Buffer.from('user\0olivia'))],
    ['a startup packet cut short', startup(Buffer.from('user\0olivia\0\0')).subarray(0, 12)],
    ['random bytes', Buffer.from('8f3a1bdc77e05512c4aa90ffee01223344556677', 'hex')],
    ['what looks like TLS and is not', Buffer.from('1603010005deadbeef00', 'hex')],
  ]
  for (const [what, bytes] of beforeSignIn) {
    test(`${what} ends the connection, is recorded, and disturbs nobody`, async () => {
      const from = await sealedSoFar()
      const socket = connect(session.port, session.host)
      await once(socket, 'connect')
      const { localPort } = socket
      const answer = await exchange(socket, bytes)
      // An error of the protocol, or an alert of TLS where that had begun.
      const first = answer[0] ?? errorResponse
      assert.ok(first === errorResponse || first === tlsAlert, answer.toString('latin1'))
      const event = await eventually(`an event about ${what}`, async () => {
        const events = await sealed(from)
        return events.find(({ source }) => source?.port === localPort) ?? null
      })
      assert.equal(event.type, 'auth.failed')
      assert.equal((await other.query('SELECT 1 AS one')).rows[0]?.one, 1)
    })
  }

  const inSession: readonly (readonly [string, Buffer, RegExp | null])[] = [
    ['a length of 3', Buffer.from([0x51, 0, 0, 0, 3]), /08P01/],
    ['a length over the cap', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]), /08P01/],
    ['a negative length', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]), /08P01/],
    ['an unknown message', Buffer.from([0x7a, 0, 0, 0, 4]), /08P01/],
    ['a query without an end', Buffer.from([0x51, 0, 0, 0, 5, 0x31]), /08P01/],
    ['a Bind whose counts are wrong', message('B', Buffer.from([0, 0, 0, 9, 0, 1])), /08P01/],
    ['a body cut short', Buffer.from([0x51, 0, 0, 1, 0, 0x53, 0x45]), null],
  ]
  for (const [what, bytes, answered] of inSession) {
    test(`${what} within a session ends it with a protocol error and an event`, async () => {
      const from = await sealedSoFar()
      const client = await connected()
      assert.equal((await client.query('SELECT 1 AS one')).rows[0]?.one, 1)
      const socket = streamOf(client)
      const failed = new Promise<Error & { code?: string }>((resolve) =>
        client.once('error', resolve),
      )
      socket.write(bytes)
      if (answered === null) socket.end()
      else assert.match(String((await failed).code), answered)
      const ended = await eventually(`the end of the session by ${what}`, async () => {
        const events = await sealed(from)
        return events.find(({ type }) => type === 'session.ended') ?? null
      })
      assert.equal(ended.session?.outcome, 'protocol_error')
      assert.equal((await other.query('SELECT 1 AS one')).rows[0]?.one, 1)
    })
  }
})

const errorResponse = 0x45
const tlsAlert = 0x15

function startup(parameters: Buffer, version = 0x00030000): Buffer {
  const packet = Buffer.alloc(8 + parameters.length)
  packet.writeUInt32BE(packet.length, 0)
  packet.writeUInt32BE(version, 4)
  parameters.copy(packet, 8)
  return packet
}

function message(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(5 + body.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeUInt32BE(4 + body.length, 1)
  body.copy(bytes, 5)
  return bytes
}

/** Sends, says that nothing more comes, and reads to the end. */
async function exchange(socket: Socket, bytes: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  const closed = once(socket, 'close')
  socket.end(bytes)
  await closed
  return Buffer.concat(chunks)
}

/** The socket inside the driver: there is no other way to say something wrong with it. */
function streamOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
