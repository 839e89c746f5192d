import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

import pg from 'pg'

import { encodeFrontend } from '../../services/edge/postgres/protocol/frontend.ts'
import type { FrontendMessage } from '../../services/edge/postgres/protocol/frontend.ts'
import { password } from '../services/edge/postgres/edge-fixture.ts'
import { rawClient } from '../services/edge/postgres/raw-client.ts'
import type { RawClient } from '../services/edge/postgres/raw-client.ts'
import type { ClientKind, WireStep } from './case-file.ts'

/** Where a client connects, and what it asks for at startup. */
export interface Way {
  readonly port: number
  readonly startup: Readonly<Record<string, string>>
  readonly minor: number
}

/**
 * Sends texts one after the other in one session, each awaited unless the kind says otherwise. What they are answered is not looked
 * at here: the tap between client and edge has every byte.
 */
export async function sendTexts(
  kind: ClientKind,
  way: Way,
  texts: readonly string[],
): Promise<void> {
  switch (kind) {
    case 'pg':
    case 'pg-values':
      return sendByPg(way, texts, kind === 'pg-values')
    case 'psql':
      return sendByPsql(way, texts)
    case 'simple':
    case 'split':
      return withRaw(way, false, async (client) => {
        for (const text of texts) {
          const query: FrontendMessage = { type: 'query', text: Buffer.from(text) }
          await client.send([query], kind === 'split' ? 1 : Infinity)
          await client.answer()
        }
      })
    case 'extended':
    case 'binary':
      return withRaw(way, true, async (client) => {
        for (const text of texts) {
          await client.send(extended(text, kind === 'binary' ? 1 : 0))
          await client.answer()
        }
      })
    case 'pipelined':
      return withRaw(way, true, async (client) => {
        await client.send(texts.flatMap((text) => extended(text, 0)))
        await client.answer(texts.length)
      })
  }
}

/** `oids` gives the OID of each function by its signature, for calls without any text. */
export async function sendWire(
  way: Way,
  steps: readonly WireStep[],
  oids: ReadonlyMap<string, number>,
): Promise<void> {
  await withRaw(way, false, async (client) => {
    let pending: (FrontendMessage | Buffer)[] = []
    for (const step of steps) {
      if (step.wait === undefined) {
        pending.push(messageOf(step, oids))
        continue
      }
      await client.send(pending)
      pending = []
      await client.answer(step.wait)
    }
    await client.send(pending)
    if (pending.length > 0) await client.answer()
  })
}

/** Sends bytes before anything else and reads until the edge closes. */
export async function sendHello(port: number, bytes: Buffer): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  // Says nothing more: an edge that waits for the rest must not have answered anything useful.
  const timer = setTimeout(() => socket.destroy(), helloMs)
  await once(socket, 'close')
  clearTimeout(timer)
}

const helloMs = 300

async function withRaw(
  way: Way,
  isExtended: boolean,
  work: (client: RawClient) => Promise<void>,
): Promise<void> {
  const edge = { client: { ...nobody, port: way.port } }
  let client: RawClient
  try {
    client = await rawClient(edge, { parameters: way.startup, minor: way.minor })
  } catch {
    // Refused at startup: the tap knows how.
    return
  }
  client.onCopyIn = isExtended ? [copyFail, { type: 'sync' }] : [copyFail]
  try {
    await work(client)
  } finally {
    await client.close()
  }
}

const copyFail: FrontendMessage = { type: 'copy-fail', reason: 'no data' }

const nobody = { host: '127.0.0.1', user: 'agent', password, database: 'postgres' } as const

function extended(text: string, format: number): readonly FrontendMessage[] {
  return [
    { type: 'parse', statement: '', text: Buffer.from(text), parameterTypes: [] },
    { type: 'bind', portal: '', statement: '', parameters: [], resultFormats: [format] },
    { type: 'describe', of: 'portal', name: '' },
    { type: 'execute', portal: '', maxRows: 0 },
    { type: 'sync' },
  ]
}

async function sendByPg(way: Way, texts: readonly string[], withValues: boolean): Promise<void> {
  const client = new pg.Client({ ...nobody, port: way.port, ssl: false })
  client.on('error', () => undefined)
  await client.connect()
  for (const text of texts) {
    // Values, even none, make node-postgres use the extended protocol.
    const query = withValues ? { text, values: [], queryMode: 'extended' } : { text }
    await client.query(query).catch(() => undefined)
  }
  await client.end()
}

async function sendByPsql(way: Way, texts: readonly string[]): Promise<void> {
  const argv = texts.flatMap((text) => ['-c', text])
  const child = spawn('psql', ['-X', '-q', '-h', '127.0.0.1', '-p', String(way.port), ...argv], {
    env: {
      PATH: process.env['PATH'],
      PGUSER: nobody.user,
      PGPASSWORD: nobody.password,
      PGDATABASE: nobody.database,
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
    },
    stdio: 'ignore',
  })
  await once(child, 'close')
}

function messageOf(step: WireStep, oids: ReadonlyMap<string, number>): FrontendMessage | Buffer {
  if (step.query !== undefined) return { type: 'query', text: Buffer.from(step.query) }
  if (step.parse !== undefined) {
    const { name = '', text } = step.parse
    return { type: 'parse', statement: name, text: Buffer.from(text), parameterTypes: [] }
  }
  if (step.bind !== undefined) {
    const { portal = '', statement = '', values = [], binary = false } = step.bind
    const parameters = values.map((value) => ({ format: 0, value: Buffer.from(value) }))
    return { type: 'bind', portal, statement, parameters, resultFormats: binary ? [1] : [] }
  }
  if (step.execute !== undefined) {
    return { type: 'execute', portal: step.execute.portal ?? '', maxRows: step.execute.rows ?? 0 }
  }
  const call = step['function-call']
  if (call !== undefined) {
    const oid = oids.get(call.name)
    if (oid === undefined) throw new Error(`the target has no function ${call.name}`)
    const parameters = call.arguments.map((value) => ({ format: 0, value: Buffer.from(value) }))
    return { type: 'function-call', oid, parameters, resultFormat: 0 }
  }
  if (step.hex !== undefined) return Buffer.from(step.hex.replace(/\s/g, ''), 'hex')
  for (const type of ['describe', 'close'] as const) {
    for (const whose of ['statement', 'portal'] as const) {
      const name = step[`${type}-${whose}`]
      if (name !== undefined) return { type, of: whose, name }
    }
  }
  if (step['copy-data'] !== undefined) {
    return { type: 'copy-data', data: Buffer.from(step['copy-data']) }
  }
  if (step['copy-fail'] !== undefined) return { type: 'copy-fail', reason: step['copy-fail'] }
  if (step['copy-done'] === true) return { type: 'copy-done' }
  return encodeFrontend({ type: step.flush === true ? 'flush' : 'sync' })
}
