import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'

import pg from 'pg'
import { pino } from 'pino'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { HeldRequests } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import { laterIssuer } from '../../../../../services/edge/guard/identity/token-issuer.ts'
import { TokenPasswords } from '../../../../../services/edge/guard/identity/token-passwords.ts'
import { TokenVerifier } from '../../../../../services/edge/guard/identity/tokens.ts'
import { UsedTokens } from '../../../../../services/edge/guard/identity/used-tokens.ts'
import { Lockouts } from '../../../../../services/edge/guard/lockouts.ts'
import { PacketReader } from '../../../../../services/edge/postgres/packet-reader.ts'
import { encodeStartup } from '../../../../../services/edge/postgres/protocol/startup.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { requireProgram } from '../../../../support/engine.ts'
import { anOverrideUpdate } from '../../guard/approvals/approval-builders.ts'
import { aLockoutUpdate } from '../../guard/control-builders.ts'
import { anIssuer } from '../../guard/identity/an-issuer.ts'
import type { TestIssuer } from '../../guard/identity/an-issuer.ts'
import { password, startEdge, startTarget } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'

let server: EmbeddedPostgres
let issuer: TestIssuer

before(async () => {
  server = await startTarget()
  issuer = await anIssuer()
})

after(async () => {
  await issuer[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

interface Setup {
  readonly edge: TestEdge
  readonly lockouts: Lockouts
  readonly held: HeldRequests
  readonly logged: string[]
  /** Where it is kept which tokens were used. */
  readonly directory: string
}

interface SetupOptions {
  readonly directory?: string
  readonly plain?: boolean
  readonly isSingleUse?: boolean
}

async function anEdge(t: TestContext, options: SetupOptions = {}): Promise<Setup> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'edge-tokens-')))
  const logged: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) })
  const isSingleUse = options.isSingleUse ?? true
  const rules = {
    audience: 'shop',
    groupsClaim: 'groups',
    nameClaim: 'name',
    agents: ['shop-agent'],
    services: [],
    algorithms: ['ES256'],
    longestLifeMs: 3_600_000,
    clockSkewMs: 30_000,
    tokenIdClaim: 'jti',
    isSingleUse,
  }
  const tokens = new TokenPasswords({
    verifier: new TokenVerifier(rules, laterIssuer(issuer.url), systemClock),
    used: await UsedTokens.open(directory, systemClock),
    isSingleUse,
    newId: () => 'credential-of-token',
    logger,
  })
  const lockouts = new Lockouts()
  const held = new HeldRequests({ edge: 'edge-1', clock: systemClock, newId: () => 'approval-9' })
  const edge = await startEdge(server, {
    plain: options.plain ?? false,
    guard: { tokens, lockouts, held },
    options: { logger },
  })
  t.after(async () => {
    await edge[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })
  return { edge, lockouts, held, logged, directory }
}

/** A client that is signed in, or the SQLSTATE or message by which it is not. */
async function signIn(edge: TestEdge, token: string): Promise<pg.Client | string> {
  const client = new pg.Client({ ...edge.client, user: 'jwt', password: token })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    return (error as pg.DatabaseError).code ?? (error as Error).message
  }
}

async function signedIn(edge: TestEdge, token: string): Promise<pg.Client> {
  const client = await signIn(edge, token)
  if (typeof client === 'string') assert.fail(client)
  return client
}

function reasons(edge: TestEdge): (string | null | undefined)[] {
  return edge.recorder.of('auth.failed').map(({ auth }) => auth?.reason)
}

test('a token is the password of node-postgres, once, and its claims say who acts for whom', async (t) => {
  const { edge, logged } = await anEdge(t)
  const token = await issuer.token({ act: { sub: 'shop-agent' }, jti: 'the id' })
  const client = await signedIn(edge, token)
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1)
  await client.end()
  const [signedInEvent] = edge.recorder.of('auth.succeeded')
  assert.equal(signedInEvent?.actor?.subject, 'shop-agent')
  assert.equal(signedInEvent.actor.kind, 'agent')
  assert.equal(signedInEvent.actor.on_behalf_of[0]?.subject, 'olivia')
  assert.deepEqual(
    { ...signedInEvent.auth },
    {
      method: 'token',
      credential_id: 'credential-of-token',
      reason: null,
    },
  )
  assert.equal(signedInEvent.credential?.token_id, 'the id')
  assert.equal(await signIn(edge, token), '28P01')
  assert.deepEqual(reasons(edge), ['token_used'])
  assert.equal(edge.recorder.of('auth.failed')[0]?.actor?.subject, 'shop-agent')
  // Buffers as text, so that nothing hides in one.
  const everything = JSON.stringify([edge.recorder.events, logged], (_, value: unknown) =>
    isBufferJson(value) ? Buffer.from(value.data).toString('latin1') : value,
  )
  for (const part of token.split('.')) assert.ok(!everything.includes(part))
})

function isBufferJson(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

test('a token that was used is used after a restart of the edge', async (t) => {
  const { edge, directory } = await anEdge(t)
  const token = await issuer.token()
  await (await signedIn(edge, token)).end()
  const { edge: restarted } = await anEdge(t, { directory })
  assert.equal(await signIn(restarted, token), '28P01')
})

test('where tokens are good for more than one use, one opens several sessions', async (t) => {
  const { edge } = await anEdge(t, { isSingleUse: false })
  const token = await issuer.token({ jti: undefined })
  for (let session = 0; session < 2; session++) await (await signedIn(edge, token)).end()
})

test('what is wrong with a token is recorded, and not told to whoever sent it', async (t) => {
  const { edge } = await anEdge(t)
  const now = Math.floor(Date.now() / 1000)
  const cases: readonly (readonly [string, string])[] = [
    [await issuer.token({ exp: now - 1 }), 'expired'],
    [await issuer.token({ aud: 'bank' }), 'claim aud check_failed'],
    [await issuer.token({ iss: 'https://other.test' }), 'claim iss check_failed'],
    [await issuer.token({ nbf: now + 600 }), 'claim nbf check_failed'],
    [await issuer.token({ exp: now + 7200 }), 'lives_too_long'],
    [await issuer.token({ jti: undefined }), 'token_id_missing'],
    [`${await issuer.token()}x`, 'signature_wrong'],
    ['no token at all', 'malformed'],
    ['eyJhbGciOiJub25lIn0.e30.', 'algorithm_not_allowed'],
  ]
  const messages = new Set<string>()
  for (const [token] of cases) {
    const client = new pg.Client({ ...edge.client, user: 'jwt', password: token })
    client.on('error', () => undefined)
    await assert.rejects(client.connect(), (error: pg.DatabaseError) => {
      messages.add(`${error.code} ${error.message}`)
      return true
    })
  }
  assert.deepEqual(
    reasons(edge),
    cases.map(([, reason]) => reason),
  )
  assert.equal(messages.size, 1)
  assert.match([...messages].join(), /^28P01 the token is not taken/)
})

test('an issuer that is away or silent is no sign-in within seconds, and none is needed at the start', async (t) => {
  for (const state of ['away', 'silent'] as const) {
    issuer.state = state
    t.after(() => (issuer.state = 'here'))
    const { edge } = await anEdge(t)
    const token = await issuer.token()
    const from = performance.now()
    assert.equal(await signIn(edge, token), '57P03')
    assert.ok(performance.now() - from < 10_000)
    assert.deepEqual(reasons(edge), ['keys_unavailable'])
    issuer.state = 'here'
    await (await signedIn(edge, token)).end()
  }
})

test('a session ends with its token', async (t) => {
  const { edge } = await anEdge(t)
  const exp = Math.ceil(Date.now() / 1000) + 1
  const client = await signedIn(edge, await issuer.token({ exp }))
  const [error] = (await once(client, 'error')) as [pg.DatabaseError]
  assert.equal(error.code, '57P01')
  assert.equal(error.message, 'the token has expired')
  assert.ok(Date.now() >= exp * 1000)
  assert.equal((await edge.recorder.until('session.ended'))[0]?.session?.outcome, 'expired')
})

test('the kill switch ends sessions of tokens, and lets no new one begin', async (t) => {
  const { edge, lockouts } = await anEdge(t)
  const client = await signedIn(edge, await issuer.token({ act: { sub: 'shop-agent' } }))
  const ended = once(client, 'error')
  lockouts.apply(aLockoutUpdate({ subject: 'actor', name: 'olivia', issuer: issuer.url }))
  const [error] = (await ended) as [pg.DatabaseError]
  assert.equal(error.code, '57P01')
  assert.equal(await signIn(edge, await issuer.token()), '57P01')
  assert.equal(edge.recorder.of('access.denied')[0]?.auth?.reason, 'actor_locked_out')
})

test('whose break-glass waits too long for its review begins no session, nor does an agent for him', async (t) => {
  const { edge, held } = await anEdge(t)
  held.overrides.apply(anOverrideUpdate({ due_at: Date.now() + 60_000 }))
  await (await signedIn(edge, await issuer.token())).end()
  held.overrides.apply(anOverrideUpdate({ version: 2, due_at: Date.now() }))
  assert.equal(await signIn(edge, await issuer.token()), '28000')
  assert.equal(await signIn(edge, await issuer.token({ act: { sub: 'shop-agent' } })), '28000')
  const denied = edge.recorder.of('access.denied').map(({ auth }) => auth?.reason)
  const reason = 'override_review_overdue: approval-1'
  assert.deepEqual(denied, [reason, reason])
  await (await signedIn(edge, await issuer.token({ sub: 'somebody-else' }))).end()
})

test('psql takes a token as PGPASSWORD, and beside it session passwords stay with SCRAM', async (t) => {
  const program = requireProgram(t, 'psql')
  if (program === null) return
  const { edge } = await anEdge(t)
  const psql = async (user: string, secret: string, settings = ''): Promise<string> => {
    const { host, port } = edge.client
    const connection = `host=${host} port=${port} dbname=postgres user=${user} sslmode=require ${settings}`
    const run = promisify(execFile)(program, [connection, '-Atc', 'SELECT 1'], {
      env: { ...process.env, PGPASSWORD: secret },
    })
    return run.then(
      ({ stdout }) => stdout.trim(),
      (error: { readonly stderr: string }) => error.stderr,
    )
  }
  assert.equal(await psql('jwt', await issuer.token()), '1')
  assert.equal(await psql('agent', password, 'channel_binding=require'), '1')
  // A client that wants SCRAM is not talked out of it.
  assert.match(
    await psql('jwt', await issuer.token(), 'channel_binding=require'),
    /channel binding required/,
  )
  assert.match(await psql('agent', await issuer.token()), /password authentication failed/)
  assert.match(await psql('jwt', password), /the token is not taken/)
})

/** A client inside TLS that was asked for its password in the clear. */
async function asked(t: TestContext, edge: TestEdge) {
  const { host, port, ssl } = edge.client
  const ca = ssl === false ? '' : ssl.ca
  const socket = connectTls({ host, port, ca, ALPNProtocols: ['postgresql'] })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  const reader = new PacketReader(socket, 10_000)
  socket.write(startup)
  const request = await reader.message()
  assert.equal(request?.bytes.toString('hex'), '520000000800000003')
  return { socket, reader }
}

const startup = encodeStartup({
  type: 'startup',
  major: 3,
  minor: 0,
  parameters: new Map([['user', 'jwt']]),
})

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

test('what is no password message is refused, and recorded', async (t) => {
  const { edge } = await anEdge(t)
  const token = Buffer.from(`${await issuer.token()}\0`)
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['another message', message('Q', token), 'exchange_malformed'],
    ['no end of the string', message('p', token.subarray(0, -1)), 'exchange_malformed'],
    ['something behind its end', message('p', Buffer.concat([token, token])), 'exchange_malformed'],
    ['nothing', message('p', Buffer.alloc(0)), 'exchange_malformed'],
    ['an empty password', message('p', Buffer.alloc(1)), 'malformed'],
    ['no UTF-8', message('p', Buffer.from([0xff, 0xfe, 0])), 'exchange_malformed'],
    ['too long', message('p', Buffer.alloc(17_000, 'a')), 'protocol_error: LENGTH_OVER_LIMIT'],
    ['a length that is none', Buffer.from('7000000003', 'hex'), 'protocol_error: LENGTH_INVALID'],
  ]
  for (const [what, bytes] of cases) {
    const { socket, reader } = await asked(t, edge)
    socket.write(bytes)
    const answer = (await reader.message())?.bytes.toString('latin1') ?? ''
    assert.match(answer, what === 'an empty password' ? /C28P01/ : /C08P01/, what)
    assert.equal(await reader.message(), null, what)
  }
  assert.deepEqual(
    reasons(edge),
    cases.map(([, , reason]) => reason),
  )
})

test('a password that is cut short at any byte is no sign-in', async (t) => {
  const { edge } = await anEdge(t)
  const bytes = message('p', Buffer.from(`${await issuer.token()}\0`))
  const cuts = [0, 1, 4, 5, 6, Math.floor(bytes.length / 2), bytes.length - 1]
  for (const cut of cuts) {
    const { socket } = await asked(t, edge)
    socket.end(bytes.subarray(0, cut))
    await edge.recorder.until('auth.failed', cuts.indexOf(cut) + 1)
  }
  assert.deepEqual(
    reasons(edge),
    cuts.map(() => 'client_left'),
  )
  assert.equal(edge.recorder.of('auth.succeeded').length, 0)
})

test('a long token that comes in small parts is taken', async (t) => {
  const { edge } = await anEdge(t)
  const groups = Array.from({ length: 500 }, (_, index) => `a-group-number-${index}`)
  const bytes = message('p', Buffer.from(`${await issuer.token({ groups })}\0`))
  assert.ok(bytes.length > 12_000 && bytes.length < 16_384, String(bytes.length))
  const { socket, reader } = await asked(t, edge)
  for (let at = 0; at < bytes.length; at += 1_000) {
    socket.write(bytes.subarray(at, at + 1_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await reader.message())?.bytes.toString('hex'), '520000000800000000')
  assert.equal(edge.recorder.of('auth.succeeded')[0]?.actor?.groups.length, 500)
})

test('without TLS nobody is asked for a token, and one that is sent all the same is not looked at', async (t) => {
  for (const plain of [true, false]) {
    const { edge } = await anEdge(t, { plain })
    const before = issuer.asked
    const socket = connect(edge.client.port, edge.client.host)
    t.after(() => socket.destroy())
    const reader = new PacketReader(socket, 10_000)
    const sent = message('p', Buffer.from(`${await issuer.token()}\0`))
    socket.write(Buffer.concat([startup, sent]))
    assert.match((await reader.message())?.bytes.toString('latin1') ?? '', /^E.*C08P01.*TLS/s)
    assert.equal(await reader.message(), null)
    assert.deepEqual(reasons(edge), ['tls_missing'])
    assert.equal(issuer.asked, before)
  }
})

test('where tokens are no passwords, nobody is asked for one', async (t) => {
  const edge = await startEdge(server)
  t.after(() => edge[Symbol.asyncDispose]())
  assert.equal(await signIn(edge, await issuer.token()), '28P01')
  assert.equal(edge.recorder.of('auth.failed')[0]?.auth?.reason, 'user_unknown')
})
