import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import {
  createSampleData,
  heldRole,
  sampleDatabase,
} from '../../../../../services/all-in-one/demo/sample/sample-data.ts'
import { requireProgram } from '../../../../support/engine.ts'
import { freePort } from '../free-port.ts'

const run = promisify(execFile)

// mkdtemp makes it 0700: as root, the user who runs PostgreSQL cannot walk into it.
async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'embedded-postgres-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

async function query(
  postgres: EmbeddedPostgres,
  text: string,
  as: { user?: string; password?: string; database?: string } = {},
) {
  const client = new Client({
    host: 'localhost',
    port: postgres.port,
    user: as.user ?? postgres.superuser,
    password: as.password ?? postgres.superuserPassword,
    database: as.database ?? 'postgres',
    ssl: { ca: postgres.ca },
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows as readonly Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

test('the cluster goes on where it was after a stop, and nobody gets in without the password', async (t) => {
  const directory = await aDirectory(t)
  const port = await freePort()
  {
    await using postgres = await startEmbeddedPostgres({ directory, port })
    await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer')
    const shown = await query(
      postgres,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'ssl', 'listen_addresses')`,
    )
    assert.deepEqual(Object.fromEntries(shown.map((row) => [row['name'], row['setting']])), {
      fsync: 'on',
      listen_addresses: '127.0.0.1',
      ssl: 'on',
    })
    await assert.rejects(query(postgres, 'SELECT 1', { password: 'wrong' }), { code: '28P01' })
    assert.equal((await stat(join(directory, 'superuser-password'))).mode & 0o777, 0o600)
  }
  await using postgres = await startEmbeddedPostgres({ directory, port })
  assert.deepEqual(await query(postgres, 'SELECT answer FROM kept'), [{ answer: 42 }])
})

test('psql accepts the certificate under verify-full with channel binding', async (t) => {
  const psql = requireProgram(t, 'psql')
  if (psql === null) return
  const directory = await aDirectory(t)
  // The other way to the cluster: by its path.
  await chmod(directory, 0o755)
  await using postgres = await startEmbeddedPostgres({ directory, port: await freePort() })
  for (const host of ['localhost', '127.0.0.1']) {
    const address = `host=${host} port=${postgres.port} user=postgres dbname=postgres`
    const trust = `sslmode=verify-full sslrootcert=${postgres.caFile} channel_binding=require`
    const question = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
    const answer: { stdout: string } = await run(psql, ['-XAtc', question, `${address} ${trust}`], {
      env: { PATH: process.env['PATH'], PGPASSWORD: postgres.superuserPassword },
    })
    assert.equal(answer.stdout, 't\n')
  }
})

test('after kill -9 of the server, or of the process that started it, the next start works', async (t) => {
  const directory = await aDirectory(t)
  const port = await freePort()
  {
    await using postgres = await startEmbeddedPostgres({ directory, port })
    await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer')
    process.kill(postgres.pid, 'SIGKILL')
    await postgres.exited
  }
  const module = new URL(
    '../../../../../services/all-in-one/demo/database/embedded-postgres.ts',
    import.meta.url,
  )
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module.href)})
    const postgres = await startEmbeddedPostgres({ directory: process.argv[1], port: ${port} })
    process.stdout.write(String(postgres.pid))
    setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => other.kill('SIGKILL'))
  const [printed] = (await once(other.stdout, 'data')) as [Buffer]

  await assert.rejects(startEmbeddedPostgres({ directory, port }), { code: 'DEMO_POSTGRES_IN_USE' })
  other.kill('SIGKILL')
  await once(other, 'exit')
  await using postgres = await startEmbeddedPostgres({ directory, port })
  assert.notEqual(postgres.pid, Number(printed.toString()))
  assert.deepEqual(await query(postgres, 'SELECT answer FROM kept'), [{ answer: 42 }])
})

test('a port in use is named, and an abort stops the server', async (t) => {
  const directory = await aDirectory(t)
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  t.after(() => blocker.close())
  const address = blocker.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  await assert.rejects(startEmbeddedPostgres({ directory, port: taken }), {
    code: 'DEMO_PORT_IN_USE',
    message: new RegExp(`port ${taken} `),
  })

  const controller = new AbortController()
  const { signal } = controller
  await using postgres = await startEmbeddedPostgres({ directory, port: await freePort(), signal })
  controller.abort()
  await postgres.exited
  assert.match(await readFile(postgres.logFile, 'utf8'), /database system is shut down/)
})

test('the sample shop is filled once; its held role owns the tables and is no superuser', async (t) => {
  const directory = await aDirectory(t)
  await using postgres = await startEmbeddedPostgres({ directory, port: await freePort() })
  assert.deepEqual(await createSampleData({ ...postgres, heldPassword: 'first' }), {
    created: true,
  })
  const held = { user: heldRole, database: sampleDatabase }
  const [counts] = await query(
    postgres,
    `SELECT (SELECT count(*)::int FROM customers) AS customers, (SELECT count(*)::int FROM orders) AS orders,
            (SELECT count(*)::int FROM orders WHERE NOT EXISTS (SELECT FROM order_items WHERE order_id = orders.id)) AS empty,
            (SELECT count(*)::int FROM payments JOIN order_totals USING (order_id) WHERE amount_eur <> total_eur) AS wrong`,
    { ...held, password: 'first' },
  )
  assert.deepEqual(counts, { customers: 2000, orders: 10_000, empty: 0, wrong: 0 })
  await query(postgres, `DELETE FROM support_tickets WHERE id = 1`, { ...held, password: 'first' })

  assert.deepEqual(await createSampleData({ ...postgres, heldPassword: 'second' }), {
    created: false,
  })
  await assert.rejects(query(postgres, 'SELECT 1', { ...held, password: 'first' }))
  const after = { ...held, password: 'second' }
  assert.deepEqual(
    await query(
      postgres,
      `SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super, count(*)::int AS tickets FROM support_tickets`,
      after,
    ),
    [{ super: false, tickets: 599 }],
  )
  await query(postgres, 'DROP TABLE support_tickets CASCADE', after)
  assert.deepEqual(await createSampleData({ ...postgres, heldPassword: 'second' }), {
    created: true,
  })
})
