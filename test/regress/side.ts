import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { AuditEvent } from '../../schemas/event.ts'
import { formatProblem } from '../../schemas/validated-document.ts'
import type { EmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import { compilePolicy, loadPolicy } from '../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../services/edge/postgres/facts/rule-policy.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { startServer } from '../bypass/servers.ts'
import type { PostgresVersion } from '../bypass/servers.ts'
import {
  anActor,
  directClient,
  MemoryCredentials,
  password,
  startEdge,
} from '../services/edge/postgres/edge-fixture.ts'
import type { Skippable } from '../support/engine.ts'
import type { Answers } from './compare.ts'
import { answersTo } from './questions.ts'
import type { Suite } from './suite.ts'

/** A server with an edge in front, and one way to it: straight, or through the edge. */
export interface Side extends AsyncDisposable {
  /** Runs a script by psql in the suite's database; what it says on both outputs, in order. */
  run(file: string, script: string): Promise<Ran>
  /** What the server answers to these statements by the extended protocol, either way. */
  ask(questions: readonly Buffer[]): Promise<Answers>
}

export interface Ran {
  /** One character per byte. */
  readonly output: string
  /** Statements that an edge let through. */
  readonly allowed: number
  /** What the grammar did not take. */
  readonly unparsed: readonly Answered[]
  readonly refused: readonly Answered[]
  /** Those of `allowed` that are one SELECT and nothing else. */
  readonly selects: readonly Buffer[]
}

/** A statement that the edge answered by itself. One character per byte, as in the output. */
export interface Answered {
  readonly text: string
  readonly sqlState: string
  readonly message: string
  /** The rules by which it did. */
  readonly rules: string
}

const database = 'regression'

/** Null, with the test skipped by name, where this PostgreSQL is not installed. */
export async function startSide(
  t: Skippable,
  psql: string,
  suite: Suite,
  version: PostgresVersion,
  way: 'direct' | 'edge',
): Promise<Side | null> {
  await using started = new AsyncDisposableStack()
  const server = await startServer(t, version)
  if (server === null) return null
  started.use(server)
  await prepare(server)
  const directory = await mkdtemp(join(tmpdir(), 'regress-'))
  started.defer(() => rm(directory, { recursive: true, force: true }))
  const edge = started.use(await edgeBefore(server))
  const { host, superuser: user, superuserPassword } = server
  const direct = { host, port: server.port, user, password: superuserPassword, database }
  const through = { host, port: edge.client.port, user, password, database }
  const signIn = way === 'direct' ? direct : through
  const env = {
    ...environment,
    PATH: process.env['PATH'],
    PGPORT: String(signIn.port),
    PGUSER: user,
    PGPASSWORD: signIn.password,
    PG_ABS_SRCDIR: suite.directory,
    PG_ABS_BUILDDIR: '.',
    PG_LIBDIR: '.',
  }
  await mkdir(join(directory, 'results'))
  const stop = started.move()
  return {
    async run(file, script) {
      edge.recorder.events.splice(0)
      const output = await psqlOutput(psql, directory, file, script, env)
      return { output, ...answeredBy(way === 'edge' ? edge.recorder.events : []) }
    },
    async ask(questions) {
      const first = await answersTo(direct, questions)
      const edge = await answersTo(through, questions)
      return { direct: [first, await answersTo(direct, questions)], edge }
    },
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  }
}

async function prepare(server: EmbeddedPostgres): Promise<void> {
  const client = await directClient(server)
  try {
    // What the server does by itself would show in plans and statistics, on one side or the other.
    await client.query('ALTER SYSTEM SET autovacuum = off')
    await client.query('ALTER SYSTEM SET fsync = off')
    await client.query('SELECT pg_reload_conf()')
    await client.query(`CREATE DATABASE ${database} TEMPLATE template0`)
    for (const setting of databaseSettings) {
      await client.query(`ALTER DATABASE ${database} SET ${setting}`)
    }
  } finally {
    await client.end()
  }
}

/** As pg_regress sets them. */
const databaseSettings = [
  "lc_messages TO 'C'",
  "lc_monetary TO 'C'",
  "lc_numeric TO 'C'",
  "lc_time TO 'C'",
  "bytea_output TO 'hex'",
  "timezone_abbreviations TO 'Default'",
]

const environment = {
  LC_ALL: 'C',
  PGHOST: '127.0.0.1',
  PGDATABASE: database,
  PGSSLMODE: 'disable',
  PGCLIENTENCODING: 'UTF8',
  PGTZ: 'PST8PDT',
  PGDATESTYLE: 'Postgres, MDY',
  PGOPTIONS: '-c intervalstyle=postgres_verbose',
  PG_DLSUFFIX: '.so',
}

/** An edge in front of the server's superuser, under a policy that allows whatever a policy can allow. */
async function edgeBefore(server: EmbeddedPostgres): ReturnType<typeof startEdge> {
  const credentials = new MemoryCredentials()
  credentials.issue(server.superuser, password, { target: 'regress', actor: anActor })
  const policies = new PolicyInForce(compilePolicy(await widestPolicy()))
  const policy = new RulePolicy({ grammar: await loadGrammar(), policies, clock: systemClock })
  return startEdge(server, {
    plain: true,
    target: { name: 'regress', tls: { mode: 'disable' }, database },
    options: { guard: { credentials, policy } },
  })
}

async function widestPolicy(): Promise<Parameters<typeof compilePolicy>[0]> {
  const file = new URL('widest-policy.yaml', import.meta.url)
  const loaded = loadPolicy(await readFile(file, 'utf8'), 'widest-policy.yaml')
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.policy
}

async function psqlOutput(
  psql: string,
  directory: string,
  file: string,
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const name = `${file}.sql`
  await writeFile(join(directory, name), script, 'latin1')
  const outputFile = join(directory, `${file}.out`)
  const output = await open(outputFile, 'w')
  try {
    // HIDE_…: what depends on how the server was built or set up.
    const argv = ['-X', '-a', '-q', '-v', 'HIDE_TABLEAM=on', '-v', 'HIDE_TOAST_COMPRESSION=on']
    const child = spawn(psql, [...argv, '-f', name], {
      cwd: directory,
      env: { ...env, PGAPPNAME: `pg_regress/${file}` },
      stdio: ['ignore', output.fd, output.fd],
      timeout: longestMs,
    })
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (signal !== null) throw new Error(`${file} did not end within ${longestMs / 1000} s`)
    return `${await readFile(outputFile, 'latin1')}psql ended with ${status}\n`
  } finally {
    await output.close()
  }
}

const longestMs = 120_000

function answeredBy(
  events: readonly AuditEvent[],
): Pick<Ran, 'allowed' | 'unparsed' | 'refused' | 'selects'> {
  const completions = new Map(
    events.map(({ request_id, completion }) => [request_id, completion] as const),
  )
  const received = events.filter(({ type }) => type === 'request.received')
  const isAllowed = ({ decision }: AuditEvent): boolean => decision?.outcome === 'allow'
  const answered = received
    .filter((event) => !isAllowed(event))
    .map(({ request_id, request, decision }): Answered => {
      const completion = completions.get(request_id)
      return {
        text: (request?.statement ?? Buffer.alloc(0)).toString('latin1'),
        sqlState: completion?.error_code ?? '',
        message: Buffer.from(completion?.error_message ?? '').toString('latin1'),
        rules: decision?.rule_ids.join(', ') ?? '',
      }
    })
  const isSyntax = ({ sqlState }: Answered): boolean => sqlState === '42601'
  return {
    allowed: received.length - answered.length,
    unparsed: answered.filter(isSyntax),
    refused: answered.filter((each) => !isSyntax(each)),
    selects: received
      .filter((event) => isAllowed(event) && event.request?.operation === 'select')
      .map(({ request }) => request?.statement ?? Buffer.alloc(0)),
  }
}
