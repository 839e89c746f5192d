import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { PacketReader } from '../../../../services/edge/postgres/packet-reader.ts'
import type { Packet } from '../../../../services/edge/postgres/packet-reader.ts'
import { decodeBackend } from '../../../../services/edge/postgres/protocol/backend.ts'
import type { BackendMessage } from '../../../../services/edge/postgres/protocol/backend.ts'
import { encodeFrontend } from '../../../../services/edge/postgres/protocol/frontend.ts'
import type { FrontendMessage } from '../../../../services/edge/postgres/protocol/frontend.ts'
import { backend } from '../../../../services/edge/postgres/protocol/message-types.ts'
import { encodeSaslInitial } from '../../../../services/edge/postgres/protocol/sasl.ts'
import { ScramClient, ScramPassword } from '../../../../services/edge/postgres/protocol/scram.ts'
import { encodeStartup } from '../../../../services/edge/postgres/protocol/startup.ts'
import { startEdge } from './edge-fixture.ts'
import type { TestEdge } from './edge-fixture.ts'

/** What the target answers, one character for each message, with the SQLSTATE of errors and the rows. */
export interface Answer {
  /** Type bytes in order, such as `12DCZ`. */
  readonly types: string
  readonly errors: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly status: string
}

/** A client that sends exactly the messages it is told to, in the writes it is told to. */
export class RawClient {
  readonly socket: Socket
  readonly startup: BackendMessage[] = []
  /** What is sent when COPY FROM STDIN asks for data, so that no answer waits for a test to do it. */
  onCopyIn: readonly FrontendMessage[] = []
  readonly #reader: PacketReader

  constructor(socket: Socket, reader: PacketReader) {
    this.socket = socket
    this.#reader = reader
  }

  /** `writes` says how many bytes go into each write; all by default. */
  async send(messages: readonly (FrontendMessage | Buffer)[], writes = Infinity): Promise<void> {
    const bytes = Buffer.concat(
      messages.map((message) => (Buffer.isBuffer(message) ? message : encodeFrontend(message))),
    )
    if (writes === Infinity) {
      this.socket.write(bytes)
      return
    }
    for (let at = 0; at < bytes.length; at += writes) {
      this.socket.write(bytes.subarray(at, at + writes))
      await setImmediate()
    }
  }

  /** Reads up to and with the n-th ReadyForQuery, or to the end of the connection. */
  async answer(readyCount = 1): Promise<Answer> {
    let types = ''
    let status = ''
    const errors: string[] = []
    const rows: (string | null)[][] = []
    for await (const packet of this.packets(readyCount)) {
      types += String.fromCharCode(packet.type)
      if (packet.type === backend.copyInResponse) await this.send(this.onCopyIn)
      const message = decodeBackend(packet.type, packet.bytes, 0, packet.bytes.length)
      if (message?.type === 'error') errors.push(message.fields.get('C') ?? '')
      if (message?.type === 'data-row') {
        rows.push(message.values.map((value) => value?.toString('utf8') ?? null))
      }
      if (message?.type === 'ready-for-query') status = message.status
    }
    return { types, errors, rows, status }
  }

  /** Messages as they come, up to and with the n-th ReadyForQuery, or to the end of the connection. */
  async *packets(readyCount = 1): AsyncGenerator<Packet> {
    for (let left = readyCount; left > 0;) {
      const packet = await this.#reader.message()
      if (packet === null) return
      if (packet.type === backend.readyForQuery) left--
      yield packet
    }
  }

  /** Sends a query and returns its answer. */
  async query(text: string | Buffer): Promise<Answer> {
    await this.send([{ type: 'query', text: Buffer.from(text) }])
    return this.answer()
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return
    this.socket.end()
    this.socket.resume()
    await once(this.socket, 'close')
  }
}

export interface RawOptions {
  readonly minor?: number
  readonly parameters?: Readonly<Record<string, string>>
  readonly writes?: number
}

/** Signs in without TLS, to an edge on the loopback address that offers none. */
export async function rawClient(
  edge: {
    readonly client: Pick<TestEdge['client'], 'host' | 'port' | 'user' | 'password' | 'database'>
  },
  options: RawOptions = {},
): Promise<RawClient> {
  const socket = connect({ port: edge.client.port, host: edge.client.host, noDelay: true })
  socket.on('error', () => undefined)
  const reader = new PacketReader(socket, 8 * 1024 * 1024)
  const client = new RawClient(socket, reader)
  const parameters = new Map([
    ['user', edge.client.user],
    ['database', edge.client.database],
    ...Object.entries(options.parameters ?? {}),
  ])
  const startup = encodeStartup({
    type: 'startup',
    major: 3,
    minor: options.minor ?? 0,
    parameters,
  })
  await client.send([startup], options.writes)
  const scram = new ScramClient({
    password: new ScramPassword(edge.client.password),
    mechanism: 'SCRAM-SHA-256',
    channelBinding: null,
    randomBytes,
  })
  for (;;) {
    const packet = await reader.message()
    if (packet === null) throw new Error('the edge closed the connection')
    const message = decodeBackend(packet.type, packet.bytes, 0, packet.bytes.length)
    if (message === null) continue
    client.startup.push(message)
    if (message.type === 'ready-for-query') return client
    if (message.type === 'error') throw new Error(message.fields.get('M'))
    if (message.type !== 'authentication') continue
    const { authentication } = message
    if (authentication.method === 'sasl') {
      const data = Buffer.from(scram.first())
      await client.send([encodeSaslInitial({ mechanism: 'SCRAM-SHA-256', data })], options.writes)
    } else if (authentication.method === 'sasl-continue') {
      const final = await scram.final(authentication.data.toString('utf8'))
      await client.send([{ type: 'password', body: Buffer.from(final) }], options.writes)
    }
  }
}

// The messages of the extended protocol, in few words.
export const sync: FrontendMessage = { type: 'sync' }
export const copyDone: FrontendMessage = { type: 'copy-done' }
export const flush: FrontendMessage = { type: 'flush' }

export function parse(text: string, statement = ''): FrontendMessage {
  return { type: 'parse', statement, text: Buffer.from(text), parameterTypes: [] }
}

export function bind(statement = '', portal = '', values: readonly string[] = []): FrontendMessage {
  const parameters = values.map((value) => ({ format: 0, value: Buffer.from(value) }))
  return { type: 'bind', portal, statement, parameters, resultFormats: [] }
}

export function execute(portal = '', maxRows = 0): FrontendMessage {
  return { type: 'execute', portal, maxRows }
}

export function close(of: 'statement' | 'portal', name: string): FrontendMessage {
  return { type: 'close', of, name }
}

export function describe(of: 'statement' | 'portal', name = ''): FrontendMessage {
  return { type: 'describe', of, name }
}

export function copyData(text: string): FrontendMessage {
  return { type: 'copy-data', data: Buffer.from(text) }
}

export interface Wire {
  readonly edge: TestEdge
  readonly client: RawClient
}

/** An edge and a signed-in client on it, both gone with the test. */
export async function aWire(
  t: TestContext,
  server: EmbeddedPostgres,
  options: RawOptions = {},
  changes: Parameters<typeof startEdge>[1] = {},
): Promise<Wire> {
  const edge = await startEdge(server, { plain: true, ...changes })
  t.after(() => edge[Symbol.asyncDispose]())
  const client = await rawClient(edge, options)
  t.after(() => client.close())
  return { edge, client }
}
