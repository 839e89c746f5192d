import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'

import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { Lockouts } from '../../../../services/edge/guard/lockouts.ts'
import { requireProgram } from '../../../support/engine.ts'
import { aLockoutUpdate } from '../guard/control-builders.ts'
import {
  anActor,
  MemoryCredentials,
  password,
  startEdge,
  startTarget,
  TextPolicy,
  untilTarget,
} from './edge-fixture.ts'
import type { TestEdge } from './edge-fixture.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

interface Psql {
  readonly edge: TestEdge
  readonly directory: string
  start(argv: readonly string[], settings?: Record<string, string>): ChildProcessWithoutNullStreams
  run(
    argv: readonly string[],
    settings?: Record<string, string>,
  ): Promise<{ out: string; err: string; status: number | null }>
}

/** Null, and the test skipped, where there is no psql. */
async function aPsql(
  t: TestContext,
  changes: Parameters<typeof startEdge>[1] = {},
): Promise<Psql | null> {
  const program = requireProgram(t, 'psql')
  if (program === null) return null
  const edge = await startEdge(server, changes)
  const directory = await mkdtemp(join(tmpdir(), 'edge-psql-'))
  t.after(async () => {
    await edge[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })
  const rootCertificate = join(directory, 'root.crt')
  await writeFile(rootCertificate, edge.client.ssl === false ? '' : edge.client.ssl.ca)
  const start: Psql['start'] = (argv, settings = {}) =>
    spawn(program, ['--no-psqlrc', '--set', 'VERBOSITY=default', ...argv], {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        LC_ALL: 'C.UTF-8',
        PGHOST: '127.0.0.1',
        PGPORT: String(edge.edge.address.port),
        PGUSER: 'agent',
        PGPASSWORD: edge.client.password,
        PGDATABASE: 'postgres',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: rootCertificate,
        ...settings,
      },
    })
  return {
    edge,
    directory,
    start,
    async run(argv, settings) {
      const child = start(argv, settings)
      child.stdin.end()
      const [out, err] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])
      return { out, err, status: child.exitCode }
    },
  }
}

test('psql signs in with channel binding and gets its answers', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { out, err } = await psql.run(['-At', '-c', 'SELECT 1', '-c', '\\conninfo'], {
    PGCHANNELBINDING: 'require',
  })
  assert.equal(err, '')
  assert.match(out, /^1\n/)
  assert.equal(psql.edge.recorder.of('auth.succeeded')[0]?.auth?.method, 'SCRAM-SHA-256-PLUS')
})

test('psql shows a syntax error as PostgreSQL does, with line and caret', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { err } = await psql.run(['-c', 'SELCT 1'])
  assert.equal(err, 'ERROR:  syntax error at or near "selct"\nLINE 1: SELCT 1\n        ^\n')
})

test('psql shows a refusal with the id of the decision', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { err, out } = await psql.run(['-At', '-c', 'DROP TABLE anything', '-c', 'SELECT 2'])
  const [request] = psql.edge.recorder.requests()
  assert.match(err, /ERROR: {2}DROP TABLE is not allowed/)
  assert.ok(err.includes(request?.id ?? 'no id'))
  assert.equal(out, '2\n')
})

test('psql copies both ways, and digests and counts of the data are recorded', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const rows = Array.from({ length: 5_000 }, (_, n) => `${n}\tline ${n}\n`).join('')
  await writeFile(join(psql.directory, 'in.tsv'), rows)
  const { out, err } = await psql.run([
    '-c',
    'CREATE TEMP TABLE copied (n int, line text)',
    '-c',
    '\\copy copied from in.tsv',
    '-c',
    '\\copy copied to out.tsv',
  ])
  assert.equal(err, '')
  assert.match(out, /COPY 5000\nCOPY 5000/)
  assert.equal(await readFile(join(psql.directory, 'out.tsv'), 'utf8'), rows)
  const copies = psql.edge.recorder.requests().filter(({ text }) => /copy/i.test(text))
  const digest = createHash('sha256').update(rows).digest()
  assert.deepEqual(
    copies.map(({ completion }) => completion?.response_sha256),
    [digest, digest],
  )
  assert.deepEqual(
    copies.map(({ completion }) => [completion?.rows, completion?.bytes_in, completion?.bytes_out]),
    [
      [5_000, rows.length, 0],
      [5_000, 0, rows.length],
    ],
  )
  const content = psql.edge.recorder.of('response.recorded').map((event) => event.response)
  assert.ok(content.every((response) => response?.encoding === 'copy'))
})

test('a COPY that fails on either side leaves the session usable', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  await writeFile(
    join(psql.directory, 'bad.tsv'),
    `${'1\n'.repeat(2_000)}not a number\n${'2\n'.repeat(200_000)}`,
  )
  const { out, err } = await psql.run([
    '-At',
    '-c',
    'CREATE TEMP TABLE numbers (n int)',
    '-c',
    '\\copy numbers from bad.tsv',
    '-c',
    '\\copy numbers from no-such-file.tsv',
    '-c',
    'SELECT count(*) FROM numbers',
  ])
  assert.match(err, /invalid input syntax for type integer: "not a number"/)
  assert.match(out, /^CREATE TABLE\n0\n$/)
})

test('Ctrl-C in psql cancels what runs', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const child = psql.start(['-c', 'SELECT pg_sleep(60)'])
  child.stdin.end()
  await untilTarget(server, "wait_event = 'PgSleep'")
  child.kill('SIGINT')
  const [err] = await Promise.all([text(child.stderr), once(child, 'close')])
  assert.match(err, /ERROR: {2}canceling statement due to user request/)
  await psql.edge.recorder.until('request.completed', 2)
  const requests = psql.edge.recorder.requests()
  assert.deepEqual(
    requests.map(({ operation, completion }) => [operation, completion?.outcome]),
    [
      ['select', 'cancelled'],
      ['cancel', 'ok'],
    ],
  )
})

test('who has no password, the wrong one or a stale one learns nothing more', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { credentials, recorder } = psql.edge
  credentials.issue('expired', 'p', { expiresAtMs: Date.now() - 1 })
  credentials.issue('revoked', 'p', { isRevoked: true })
  credentials.issue('elsewhere', 'p', { target: 'other' })
  const tries = [
    ['agent', 'wrong', /password authentication failed for user "agent"/],
    ['nobody', 'wrong', /password authentication failed for user "nobody"/],
    ['expired', 'p', /not valid here or no longer valid/],
    ['revoked', 'p', /not valid here or no longer valid/],
    ['elsewhere', 'p', /not valid here or no longer valid/],
    ['expired', 'wrong', /password authentication failed for user "expired"/],
  ] as const
  for (const [user, tried, said] of tries) {
    const { err, status } = await psql.run(['-c', 'SELECT 1'], { PGUSER: user, PGPASSWORD: tried })
    assert.match(err, said)
    assert.equal(status, 2)
  }
  assert.deepEqual(
    recorder.of('auth.failed').map((event) => event.auth?.reason),
    [
      'password_wrong',
      'user_unknown',
      'credential_expired',
      'credential_revoked',
      'target_differs',
      'password_wrong',
    ],
  )
  assert.deepEqual(
    recorder.of('auth.failed').map((event) => [event.actor?.kind, event.actor?.subject]),
    tries.map(([user]) => ['unknown', user]),
  )
  assert.equal(recorder.of('session.started').length, 0)
})

test('without TLS nobody is asked for a password', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { err } = await psql.run(['-c', 'SELECT 1'], { PGSSLMODE: 'disable' })
  assert.match(err, /TLS is required/)
})

test('startup parameters that change what statements mean or bypass them are refused', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const refused = async (settings: Record<string, string>): Promise<string> =>
    (await psql.run(['-c', 'SELECT 1'], settings)).err
  assert.match(
    await refused({ PGOPTIONS: '-c standard_conforming_strings=off' }),
    /"standard_conforming_strings" is not allowed/,
  )
  assert.match(await refused({ PGOPTIONS: '-c role=postgres' }), /"role" is not allowed/)
  assert.match(await refused({ PGOPTIONS: '-l' }), /cannot be read/)
  assert.match(await refused({ PGCLIENTENCODING: 'LATIN1' }), /client_encoding must be UTF8/)
  assert.match(await refused({ PGDATABASE: 'template1' }), /not offered here/)
  assert.match(
    (await psql.run(['-c', 'SELECT 1', 'replication=database dbname=postgres'])).err,
    /replication connections are not relayed/,
  )
  const { out } = await psql.run(['-At', '-c', 'SHOW statement_timeout'], {
    PGOPTIONS: '-c statement_timeout=4321',
  })
  assert.equal(out, '4321ms\n')
})

test('a session ends when its password expires, is revoked, or the edge stops', async (t) => {
  const psql = await aPsql(t)
  if (psql === null) return
  const { credentials, recorder, edge } = psql.edge
  // Of what was done, not of how long psql took to come.
  let tookMs = 0
  const ended = async (user: string, cause: () => void | PromiseLike<void>): Promise<string> => {
    const before = recorder.of('session.ended').length
    const child = psql.start(['-c', 'SELECT pg_sleep(60)'], { PGUSER: user })
    child.stdin.end()
    const err = text(child.stderr)
    await recorder.until('request.received', before + 1)
    const startedMs = performance.now()
    await cause()
    await once(child, 'close')
    tookMs = performance.now() - startedMs
    return err
  }
  credentials.issue('short', psql.edge.client.password, { expiresAtMs: Date.now() + 1_000 })
  assert.match(await ended('short', () => undefined), /FATAL: {2}the session password has expired/)
  assert.ok(tookMs < 3_000, `${tookMs} ms`)
  assert.match(
    await ended('agent', () => credentials.revoke('credential-of-agent')),
    /FATAL: {2}the session password was revoked/,
  )
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
  credentials.issue('other', psql.edge.client.password)
  assert.match(
    await ended('other', () => edge[Symbol.asyncDispose]()),
    /FATAL: {2}the edge is stopping/,
  )
  assert.deepEqual(
    recorder.of('session.ended').map((event) => event.session?.outcome),
    ['expired', 'revoked', 'edge_stopped'],
  )
  assert.ok(recorder.requests().every(({ completion }) => completion?.outcome === 'unknown'))
})

for (const [what, changes, message, isForNewOnes] of [
  ['session', {}, 'an operator has ended this session', false],
  [
    'actor',
    { name: anActor.subject, issuer: anActor.issuer },
    'an operator has locked you out',
    true,
  ],
  ['target', { name: 'orders' }, 'an operator has closed this target', true],
] as const) {
  test(`a lockout of the ${what} ends what runs within two seconds${isForNewOnes ? ', and nothing new begins until it is lifted' : ''}`, async (t) => {
    const lockouts = new Lockouts()
    const credentials = new MemoryCredentials()
    credentials.issue('agent', password)
    const guard = { credentials, lockouts, policy: new TextPolicy() }
    const psql = await aPsql(t, { options: { guard } })
    if (psql === null) return
    const { recorder } = psql.edge
    const child = psql.start(['-c', 'SELECT pg_sleep(60)'])
    child.stdin.end()
    const err = text(child.stderr)
    const [received] = await recorder.until('request.received')
    const name = received?.session_id ?? ''
    const update = { ...aLockoutUpdate({ subject: what, name, issuer: null, ...changes }) }
    const startedMs = performance.now()
    lockouts.apply(update)
    await once(child, 'close')
    assert.ok(performance.now() - startedMs < 2_000)
    assert.match(await err, new RegExp(`FATAL: {2}${message}`))
    assert.equal(recorder.of('session.ended')[0]?.session?.outcome, 'revoked')
    const again = await psql.run(['-Atc', 'SELECT 1'])
    if (isForNewOnes) {
      assert.match(again.err, new RegExp(`FATAL: {2}${message}`))
      const denied = recorder.of('access.denied')
      assert.deepEqual(
        denied.map(({ actor, auth }) => [actor?.subject, auth?.reason]),
        [[anActor.subject, `${what}_locked_out`]],
      )
      assert.equal(recorder.of('session.started').length, 1)
    }
    lockouts.apply({ ...update, version: 2, lifted: true })
    assert.equal((await psql.run(['-Atc', 'SELECT 1'])).out, '1\n')
  })
}

test('a password that is revoked while the target is being reached opens no session', async (t) => {
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password)
  const slow = createServer((socket) => {
    socket.on('error', () => undefined)
    credentials.revoke('credential-of-agent')
    const target = connect(server.port, server.host)
    target.on('error', () => undefined)
    socket.on('close', () => target.destroy())
    socket.pipe(target).pipe(socket)
  })
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  t.after(() => slow.close())
  const guard = { credentials, policy: new TextPolicy() }
  const { port } = slow.address() as AddressInfo
  const psql = await aPsql(t, { options: { guard }, target: { port } })
  if (psql === null) return
  const { err } = await psql.run(['-Atc', 'SELECT 1'])
  assert.match(err, /FATAL: {2}the session password was revoked/)
  assert.equal(psql.edge.recorder.requests().length, 0)
  assert.equal(psql.edge.recorder.of('session.ended')[0]?.session?.outcome, 'revoked')
})
