import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import type pg from 'pg'
import { Client } from 'pg'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { CatalogLook, markOf } from '../../../../../services/edge/postgres/routines/catalog-mark.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import {
  anActor,
  directClient,
  MemoryCredentials,
  password,
  startEdge,
  startTarget,
} from '../edge-fixture.ts'
import { allowing, aSubject, policyOf, routinesAt } from './routines-target.ts'
import { until } from '../../../../support/until.ts'

suite('what changes at a target beside the edge', () => {
  let target: EmbeddedPostgres
  let owner: pg.Client
  let reached: Parameters<typeof markOf>[0]
  let login: Parameters<typeof markOf>[1]
  const { signal } = new AbortController()

  before(async () => {
    target = await startTarget()
    owner = await directClient(target)
    const { host: address, port, ca } = target
    reached = { address, port, tls: { mode: 'verify-full', ca } }
    login = {
      user: target.superuser,
      password: new ScramPassword(target.superuserPassword),
      database: 'postgres',
      applicationName: 'looks',
      settings: new Map([['search_path', 'public']]),
    }
    await owner.query(schema)
  })
  after(async () => {
    await owner.end()
    await target[Symbol.asyncDispose]()
  })

  test('every change that could make other code run gives another mark, and nothing else does', async () => {
    const look = new CatalogLook(reached, login)
    let known = await look.mark(signal)
    assert.equal(await markOf(reached, login, signal), known)
    for (const sql of telling) {
      await owner.query(sql)
      const mark = await look.mark(signal)
      assert.notEqual(mark, known, sql)
      known = mark
    }
    for (const sql of untold) {
      await owner.query(sql)
      assert.equal(await look.mark(signal), known, sql)
    }
    look.close()
  })

  test('a look that was cut off begins again on another connection', async () => {
    const look = new CatalogLook(reached, login)
    const known = await look.mark(signal)
    await owner.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'looks'",
    )
    await assert.rejects(look.mark(signal), { name: 'TargetError' })
    assert.equal(await look.mark(signal), known)
    look.close()
  })

  test('is known within moments, by a look', async (t) => {
    const routines = routinesAt(target, { lookMs: 20 })
    const stop = new AbortController()
    const running = routines.run(stop.signal)
    t.after(() => stop.abort())
    const policy = policyOf(routines, allowing())
    const call = (): string | null =>
      policy.decide("SELECT lower('A'::varchar)", aSubject()).refusal?.message ?? null
    await until(() => call() === null)
    await owner.query(
      "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    )
    await until(() => call() !== null)
    assert.match(call() ?? '', /calling public\.lower/)
    await owner.query('DROP FUNCTION lower(varchar)')
    await until(() => call() === null)
    stop.abort()
    await running
  })

  test('DDL that goes through the edge is known at once, without a look', async (t) => {
    const routines = routinesAt(target, { lookMs: 3_600_000 })
    await routines.refresh(signal)
    const stop = new AbortController()
    const running = routines.run(stop.signal)
    t.after(() => stop.abort())
    const policy = policyOf(routines, allowing('public.sure'))
    const credentials = new MemoryCredentials()
    credentials.issue('agent', password, { target: 'r', actor: anActor })
    const options = { guard: { credentials, policy } }
    await using edge = await startEdge(target, { target: { name: 'r' }, options })
    const client = new Client(edge.client)
    await client.connect()
    const calls = (): readonly string[] =>
      policy.decide("SELECT note = 'x'::varchar FROM plants", aSubject()).functions
    assert.deepEqual(calls(), [])
    await client.query('BEGIN')
    await client.query(
      'CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.sure)',
    )
    await client.query('COMMIT')
    await until(() => calls().includes('public.='))
    await client.end()
    stop.abort()
    await running
    await owner.query('DROP OPERATOR = (varchar, varchar)')
  })

  test('what was defined in two phases counts with the second', () => {
    const policy = policyOf(routinesAt(target), allowing())
    const { changesCatalog } = policy.decide("COMMIT PREPARED 'x'", aSubject())
    assert.equal(changesCatalog, true)
  })
})

const schema = `
CREATE TABLE plants (id int PRIMARY KEY, note varchar);
INSERT INTO plants VALUES (1, 'x');
CREATE SCHEMA aside;
CREATE DOMAIN bare AS text;
CREATE FUNCTION sure(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION sure(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';`

const telling = [
  "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
  'ALTER FUNCTION lower(varchar) RENAME TO upper',
  'ALTER FUNCTION upper(varchar) SET SCHEMA aside',
  "CREATE OR REPLACE FUNCTION aside.upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
  'ALTER SCHEMA aside RENAME TO beside',
  'CREATE OPERATOR beside.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = sure)',
  'ALTER OPERATOR beside.= (varchar, varchar) SET SCHEMA public',
  'DROP OPERATOR = (varchar, varchar)',
  "CREATE TYPE mood AS ENUM ('good')",
  "CREATE FUNCTION to_int(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'CREATE CAST (mood AS int) WITH FUNCTION to_int(mood) AS IMPLICIT',
  'DROP CAST (mood AS int)',
  'ALTER DOMAIN bare ADD CONSTRAINT sure CHECK (sure(VALUE))',
  'ALTER DOMAIN bare DROP CONSTRAINT sure',
  'ALTER TABLE plants RENAME COLUMN note TO remark',
  'ALTER TABLE plants ALTER COLUMN remark TYPE bare',
  'ALTER TABLE plants DROP COLUMN remark',
  "ALTER TABLE plants ADD COLUMN note varchar DEFAULT 'x'",
  'ALTER TABLE plants ADD CONSTRAINT good CHECK (id > 0)',
  'ALTER TABLE plants ALTER COLUMN id SET DEFAULT 7',
  'CREATE INDEX kept ON plants (note)',
  'CREATE TABLE child () INHERITS (plants)',
  'ALTER TABLE child NO INHERIT plants',
  'ALTER ROLE CURRENT_USER SET search_path = beside, public',
  'ALTER ROLE CURRENT_USER RESET search_path',
  // One takes away, and what another has begun before comes after it.
  "BEGIN; DROP FUNCTION to_int(mood); CREATE FUNCTION to_int(mood) RETURNS int LANGUAGE sql AS 'SELECT 2'; COMMIT",
  "BEGIN; SAVEPOINT s; CREATE FUNCTION late() RETURNS int LANGUAGE sql AS 'SELECT 1'; RELEASE s; COMMIT",
]

const untold = [
  "INSERT INTO plants SELECT n, 'y' FROM generate_series(2, 2000) n",
  "UPDATE plants SET note = 'z'",
  'ANALYZE',
  'VACUUM (FREEZE, ANALYZE)',
  "BEGIN; CREATE FUNCTION never() RETURNS int LANGUAGE sql AS 'SELECT 1'; ROLLBACK",
  'CREATE INDEX plants_note ON plants (note) WHERE false; DROP INDEX plants_note',
]
