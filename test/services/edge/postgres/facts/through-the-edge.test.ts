import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client, DatabaseError } from 'pg'
import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { compilePolicy, loadPolicy } from '../../../../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { anActor, MemoryCredentials, password, startEdge, startTarget } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'
import { demoPolicyWithoutMasks } from './demo-policy.ts'

let target: EmbeddedPostgres
let edge: TestEdge
let policies: PolicyInForce

before(async () => {
  target = await startTarget()
  const loaded = loadPolicy(await demoPolicyWithoutMasks(), 'demo-policy.yaml')
  assert.ok(loaded.ok)
  const credentials = new MemoryCredentials()
  const olivia = {
    kind: 'human',
    subject: 'olivia',
    issuer: anActor.issuer,
    display: null,
  } as const
  credentials.issue('agent', password, {
    target: 'shop',
    actor: { ...anActor, on_behalf_of: [olivia] },
  })
  policies = new PolicyInForce(compilePolicy(loaded.policy))
  const policy = new RulePolicy({ grammar: await loadGrammar(), policies, clock: systemClock })
  edge = await startEdge(target, {
    target: { name: 'shop' },
    options: { guard: { credentials, policy } },
  })
  await using owner = await connectTarget()
  await owner.client.query(
    'CREATE TABLE public.orders (id int PRIMARY KEY, note text); INSERT INTO orders SELECT 1, $$a$$',
  )
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

interface Connected extends AsyncDisposable {
  readonly client: Client
}

async function connected(client: Client): Promise<Connected> {
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

function connectTarget(): Promise<Connected> {
  const { host, port, superuser, superuserPassword, ca } = target
  return connected(
    new Client({
      host,
      port,
      user: superuser,
      password: superuserPassword,
      database: 'postgres',
      ssl: { ca },
    }),
  )
}

function connectEdge(): Promise<Connected> {
  return connected(new Client(edge.client))
}

async function codeOf(client: Client, text: string): Promise<string> {
  try {
    await client.query(text)
    return 'ok'
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return error.code ?? ''
  }
}

test('the held role may do anything at the target, and still nothing of this is done', async () => {
  await using connection = await connectEdge()
  const refused = [
    'DROP TABLE orders',
    'SELECT 1; DROP TABLE orders',
    "DO $$ BEGIN EXECUTE 'dr'||'op table orders'; END $$",
    "SELECT query_to_xml('delete from orders', true, false, '')",
    "SELECT pg_read_file('PG_VERSION')",
    'SELECT U&"\\0070g_read_file"(\'PG_VERSION\')',
    "COPY orders TO PROGRAM 'cat >/dev/null'",
    'WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone',
    'EXPLAIN ANALYZE DELETE FROM orders',
    'PREPARE p AS DELETE FROM orders',
    'EXECUTE p',
    'SET ROLE pg_monitor',
    'ALTER SYSTEM SET work_mem = 64',
  ]
  for (const text of refused) assert.equal(await codeOf(connection.client, text), '42501', text)
  assert.equal(await codeOf(connection.client, 'SELECT * FROM orders'), 'ok')
  await using owner = await connectTarget()
  const { rows } = await owner.client.query('SELECT count(*)::int AS orders FROM orders')
  assert.deepEqual(rows, [{ orders: 1 }])
})

test('a text that reads otherwise with other lexer settings never meets them', async () => {
  await using connection = await connectEdge()
  const { client } = connection
  const attempts = [
    'SET standard_conforming_strings = off',
    "SELECT set_config('standard_conforming_strings', 'off', false)",
    "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$",
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    'BEGIN; SET LOCAL standard_conforming_strings = off',
  ]
  for (const text of attempts) {
    assert.equal(await codeOf(client, text), '42501', text)
    assert.equal(await codeOf(client, "SELECT 'a\\' || '; DELETE FROM orders; --'"), 'ok')
  }
  const { rows } = await client.query('SELECT count(*)::int AS orders FROM orders')
  assert.deepEqual(rows, [{ orders: 1 }])
})

test('drivers’ own settings, prepared statements and transactions go on working', async () => {
  await using connection = await connectEdge()
  const { client } = connection
  for (const text of [
    "SET application_name = 'x'",
    "SET client_encoding = 'UTF8'",
    'BEGIN',
    'PREPARE of_id AS SELECT * FROM orders WHERE id = $1',
    'EXECUTE of_id(1)',
    'UPDATE orders SET note = $$b$$ WHERE id = 1 RETURNING id',
    'ROLLBACK',
    'DEALLOCATE of_id',
    'RESET ALL',
    'DISCARD ALL',
  ]) {
    assert.equal(await codeOf(client, text), 'ok', text)
  }
  assert.equal(await codeOf(client, 'SELECT 1 FROM'), '42601')
})

test('what is held does not run, and is recorded as held; literals do not hide behind each other', async (t) => {
  const demo = policies.current
  t.after(() => {
    policies.replace(demo)
  })
  const loaded = loadPolicy(
    `version: 1
rules:
  - { id: read, targets: [shop], statements: [select], relations: { read: [public.*] }, outcome: allow }
  - id: deletes
    targets: [shop]
    statements: [delete]
    relations: { read: [public.*], write: [public.*] }
    approval: { role: shop-owner }
    outcome: hold
    reason: rows that are gone stay gone
  - { id: many, targets: [shop], when: rows > 10, approval: { role: dba }, outcome: hold }
`,
    'policy.yaml',
  )
  assert.ok(loaded.ok)
  policies.replace(compilePolicy(loaded.policy))
  await using agent = await connectEdge()
  await assert.rejects(agent.client.query('DELETE FROM orders WHERE id = 1'), {
    code: '42501',
    message: 'needs approval by shop-owner and dba (deletes, many): rows that are gone stay gone',
  })
  const [received] = edge.recorder.of('request.received').slice(-1)
  assert.deepEqual(
    [received?.decision?.outcome, received?.decision?.rule_ids],
    ['hold', ['deletes', 'many']],
  )
  const [completed] = edge.recorder.of('request.completed').slice(-1)
  assert.equal(completed?.completion?.outcome, 'refused')
  for (const [limit, isHeld] of [
    [10, false],
    [11, true],
    [10, false],
  ]) {
    const asked = agent.client.query(`SELECT id FROM orders LIMIT ${String(limit)}`)
    if (isHeld === true) await assert.rejects(asked, { code: '42501' })
    else assert.equal((await asked).rowCount, 1)
  }
  await using owner = await connectTarget()
  assert.equal((await owner.client.query('SELECT 1 FROM orders')).rowCount, 1)
})
