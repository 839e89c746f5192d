import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client } from 'pg'

import type { Demo } from '../../../services/all-in-one/demo/demo.ts'
import type { Statement } from '../../../services/indexer/query.ts'
import { demoStack, eventually } from '../../support/demo-stack.ts'
import type { DemoStack } from '../../support/demo-stack.ts'
import { requireProgram } from '../../support/engine.ts'
import { pythonOfDrivers } from '../../support/python.ts'

/**
 * Programs on the drivers that people use, unmodified, through the edge with TLS and SCRAM. Each does the same work in its own way
 * and says what it saw; then the ledger must hold what it did.
 */

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const cache = fileURLToPath(new URL('../../../.cache/clients/', import.meta.url))

const policy = `version: 1
rules:
  - id: clients
    targets: ['*']
    statements: [read, write, transaction, session]
    relations: { read: ['*'], write: ['*'] }
    functions: ['*']
    outcome: allow
`

interface Outcome {
  readonly parameters: readonly unknown[]
  readonly prepared: number
  /** Of the same prepared statement, with a function of users between that drops all of them. */
  readonly prepared_after_code: number
  readonly error: string
  readonly after_error: number
  readonly copy_out: number
  readonly copy_in: number
  readonly large: number
  readonly pipelined?: number
  readonly binary?: readonly unknown[]
  readonly cancelled: string
  readonly blocked: string
  readonly after_block: number
}

const expected: Outcome = {
  parameters: [42, 'naïve', true],
  prepared: 380,
  prepared_after_code: 380,
  error: '42703',
  after_error: 1,
  copy_out: 5000,
  copy_in: 1000,
  large: 50_000,
  cancelled: '57014',
  blocked: '42501',
  after_block: 2,
}

suite('drivers', () => {
  let stack: DemoStack
  before(async () => {
    stack = await demoStack({ policy })
    await createTables(stack.directory, stack.demo)
  })
  after(() => stack[Symbol.asyncDispose]())

  test('psycopg 3', { timeout: 180_000 }, async (t) => {
    const python = await pythonOfDrivers(t)
    if (python === null) return
    const outcome = await runClient(stack.demo, python, [join(here, 'psycopg_client.py')])
    assert.deepEqual(outcome, { ...expected, pipelined: 45, binary: [7, 'x'] })
  })

  test('asyncpg', { timeout: 180_000 }, async (t) => {
    const python = await pythonOfDrivers(t)
    if (python === null) return
    const outcome = await runClient(stack.demo, python, [join(here, 'asyncpg_client.py')])
    assert.deepEqual(outcome, { ...expected, after_cancel: 3 })
  })

  test('pgx', { timeout: 180_000 }, async (t) => {
    const go = requireProgram(t, 'go')
    if (go === null) return
    mkdirSync(cache, { recursive: true })
    const program = join(cache, 'pgx-client')
    await run(go, ['build', '-o', program, '.'], { cwd: join(here, 'pgx') })
    assert.deepEqual(await runClient(stack.demo, program, []), { ...expected, pipelined: 45 })
  })

  test('pgjdbc', { timeout: 180_000 }, async (t) => {
    const java = requireProgram(t, 'java')
    const javac = requireProgram(t, 'javac')
    const maven = requireProgram(t, 'mvn')
    if (java === null || javac === null || maven === null) return
    const libraries = join(cache, 'pgjdbc-lib')
    const classes = join(cache, 'pgjdbc-classes')
    if (!existsSync(libraries)) {
      const goal = [
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        `-DoutputDirectory=${libraries}`,
      ]
      await run(maven, ['-q', '-B', '-f', join(here, 'pgjdbc/pom.xml'), ...goal])
    }
    await run(javac, ['-d', classes, '-cp', join(libraries, '*'), join(here, 'pgjdbc/Client.java')])
    const path = `${join(libraries, '*')}:${classes}`
    assert.deepEqual(await runClient(stack.demo, java, ['-cp', path, 'Client']), expected)
  })
})

/** Runs a client under a session password of its own, and finds its work in the index. */
async function runClient(demo: Demo, program: string, args: readonly string[]): Promise<unknown> {
  const session = await demo.connect('olivia')
  const { stdout } = await run(program, [...args], {
    timeout: 120_000,
    env: {
      ...process.env,
      PGHOST: session.host,
      PGPORT: String(session.port),
      PGDATABASE: session.database,
      PGUSER: session.user,
      PGPASSWORD: session.password,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: demo.product.edgeCertificateFile,
    },
  })
  await mustBeRecorded(demo)
  return JSON.parse(stdout)
}

/** The newest session holds the blocked DROP, the cancelled statement and the COPY with true counts, each completed exactly once. */
async function mustBeRecorded(demo: Demo): Promise<void> {
  const { query } = demo.product
  const session = await eventually('the end of the session', async () => {
    const { sessions } = await query.sessions({}, { limit: 1 })
    const [newest] = sessions
    return newest?.endedAtMs == null ? null : newest
  })
  const statements: Statement[] = []
  let after: string | undefined
  do {
    const page = await query.statements(session.sessionId, {
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    statements.push(...page.statements)
    after = page.next ?? undefined
  } while (after !== undefined)
  const find = (text: string) => statements.filter(({ statement }) => statement.includes(text))
  assert.ok(
    statements.every(({ outcome }) => outcome !== null),
    'every statement is completed',
  )
  assert.equal(find('DROP TABLE')[0]?.decision, 'block')
  assert.equal(find('DROP TABLE')[0]?.outcome, 'refused')
  assert.equal(find('pg_sleep')[0]?.outcome, 'cancelled')
  assert.equal(find('no_such_column')[0]?.errorCode, '42703')
  const copies = statements.filter(({ operation }) => operation.split(',').includes('copy_to'))
  assert.equal(copies[0]?.rows, 5000)
}

async function createTables(directory: string, demo: Demo): Promise<void> {
  const client = new Client({
    host: '127.0.0.1',
    port: demo.ports.postgres,
    user: 'postgres',
    password: readFileSync(join(directory, 'postgres', 'superuser-password'), 'utf8').trim(),
    database: 'shop',
  })
  await client.connect()
  await client.query(`
    CREATE TABLE client_rows (id int PRIMARY KEY, label text);
    CREATE TABLE client_copies (id int, label text);
    INSERT INTO client_rows SELECT n, 'row ' || n FROM generate_series(1, 5000) AS n;
    CREATE FUNCTION client_code() RETURNS int LANGUAGE plpgsql AS
      $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END $$;
    GRANT ALL ON client_rows, client_copies TO affidavit_edge;
    ALTER TABLE client_rows OWNER TO affidavit_edge;`)
  await client.end()
}
