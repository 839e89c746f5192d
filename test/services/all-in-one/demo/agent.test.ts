import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client } from 'pg'
import { runAgent } from '../../../../services/all-in-one/demo/agent.ts'
import type { AgentStep } from '../../../../services/all-in-one/demo/agent.ts'
import { startEmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { createSampleData } from '../../../../services/all-in-one/demo/sample/sample-data.ts'
import { freePort } from './free-port.ts'

test('the agent works through its script and is refused where it has no right', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'agent-'))
  t.after(() => rm(directory, { recursive: true }))
  await using postgres = await startEmbeddedPostgres({ directory, port: await freePort() })
  await createSampleData({ ...postgres, heldPassword: 'held' })
  const client = new Client({
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    password: postgres.superuserPassword,
    database: 'shop',
    ssl: { ca: postgres.ca },
  })
  await client.connect()
  // Not the owner: PostgreSQL itself refuses the DROP with the SQLSTATE that the edge uses.
  await client.query(`
    CREATE ROLE clerk LOGIN PASSWORD 'clerk';
    GRANT CONNECT ON DATABASE shop TO clerk;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk;
    GRANT UPDATE ON products TO clerk;
    GRANT INSERT ON support_tickets TO clerk`)

  const logged: AgentStep[] = []
  const steps = await runAgent({
    host: postgres.host,
    port: postgres.port,
    user: 'clerk',
    password: 'clerk',
    database: 'shop',
    ca: postgres.ca,
    log: (step) => logged.push(step),
  })
  assert.deepEqual(logged, steps)
  assert.deepEqual(
    steps.filter((step) => !step.isExpected),
    [],
  )
  assert.deepEqual(
    steps.slice(-3).map(({ outcome, code }) => ({ outcome, code })),
    [
      { outcome: 'failed', code: '42703' },
      { outcome: 'refused', code: '42501' },
      { outcome: 'refused', code: '42501' },
    ],
  )
  assert.ok(steps.slice(0, -3).every((step) => step.rows > 0))
  const { rows } = await client.query(
    `SELECT count(*)::int AS copied, (SELECT count(*)::int FROM open_tickets WHERE id > 600) AS open
     FROM support_tickets WHERE opened_at = '2026-10-30 09:00:00+00'`,
  )
  assert.deepEqual(rows, [{ copied: 3, open: 3 }])
  await client.end()

  const wrong = { ...postgres, user: 'clerk', password: 'wrong', database: 'shop' }
  await assert.rejects(runAgent(wrong), { code: '28P01' })
})
