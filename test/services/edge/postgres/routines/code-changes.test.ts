import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { TestContext } from 'node:test'

import type pg from 'pg'
import { Client } from 'pg'
import { pino } from 'pino'

import { ownContext } from '../../../../../schemas/event.ts'
import { decodeTargetCodeChange, targetCode } from '../../../../../schemas/target-code.ts'
import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { CodeChanges } from '../../../../../services/edge/postgres/routines/code-changes.ts'
import type { ToldCode } from '../../../../../services/edge/postgres/routines/code-changes.ts'
import type { CodeObject } from '../../../../../services/edge/postgres/routines/code-rows.ts'
import { readRoutines } from '../../../../../services/edge/postgres/routines/routine-rows.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import {
  anActor,
  directClient,
  MemoryCredentials,
  MemoryRecorder,
  password,
  startEdge,
  startTarget,
} from '../edge-fixture.ts'
import { allowing, policyOf, routinesAt } from './routines-target.ts'

const target = { name: 'r', kind: 'postgres', address: '127.0.0.1:5432' }

/** What was told before, in memory. */
function toldBefore(
  code: readonly CodeObject[] | null = null,
): ToldCode & { current: typeof code } {
  return {
    current: code,
    read() {
      return Promise.resolve(this.current)
    },
    replace(told) {
      this.current = told
      return Promise.resolve()
    },
  }
}

async function changesOf(
  recorder: MemoryRecorder,
  told: ToldCode,
  betweenMs = 3_600_000,
): Promise<CodeChanges> {
  return await CodeChanges.open({
    recorder,
    context: { ...ownContext('shop'), target },
    told,
    logger: pino({ level: 'silent' }),
    betweenMs,
  })
}

/** In words: how many objects there are, and what happened to which. */
function said(recorder: MemoryRecorder): readonly string[] {
  return recorder.of('config.changed').map(({ change }) => {
    assert.equal(change?.what, targetCode)
    const told = decodeTargetCodeChange(change.content ?? Buffer.alloc(0))
    const named = told?.changes.map(({ kind, name, how }) => `${kind} ${name} ${how.join(' ')}`)
    return [
      String(told?.objects),
      ...(named ?? []),
      ...(told?.more === 0 ? [] : [`+${told?.more}`]),
    ].join('; ')
  })
}

function aFunction(name: string, definition = 'x'): CodeObject {
  return { kind: 'function', name, sha256: definition }
}

suite('what an edge tells of the code at its target', () => {
  test('the first look is told, then each change, each event going on where the one before ended', async () => {
    const recorder = new MemoryRecorder()
    const changes = await changesOf(recorder, toldBefore(), 0)
    changes.seen([aFunction('a')])
    changes.seen([aFunction('a')])
    changes.seen([aFunction('a', 'y'), aFunction('b')])
    changes.seen([aFunction('b')])
    assert.deepEqual(said(recorder), [
      '1',
      '2; function a changed; function b added',
      '1; function a removed',
    ])
    const told = recorder.of('config.changed').map(({ change }) => change)
    assert.equal(told[0]?.previous, null)
    assert.deepEqual(told[1]?.previous, told[0].digest)
    assert.deepEqual(told[2]?.previous, told[1].digest)
    assert.deepEqual({ ...recorder.events[0]?.target }, target)
  })

  test('what follows soon is told as one, with what came and went meanwhile, at the latest by the end', async () => {
    const recorder = new MemoryRecorder()
    const told = toldBefore([])
    const changes = await changesOf(recorder, told)
    changes.seen([aFunction('a')])
    for (let n = 0; n < 200; n++) {
      changes.seen([aFunction('a'), aFunction(`b${n}`)])
      changes.seen([aFunction('a')])
    }
    changes.seen([aFunction('a', 'y')])
    assert.deepEqual(said(recorder), ['1; function a added'])
    await changes[Symbol.asyncDispose]()
    const [, last = ''] = said(recorder)
    assert.match(last, /^1; function b0 added removed; .*function b49 added removed; \+301$/)
    assert.deepEqual(told.current, [aFunction('a', 'y')])
  })

  test('the first look keeps no change waiting', async () => {
    const recorder = new MemoryRecorder()
    await using changes = await changesOf(recorder, toldBefore())
    changes.seen([])
    changes.seen([aFunction('a')])
    changes.seen([aFunction('a'), aFunction('b')])
    assert.deepEqual(said(recorder), ['0', '1; function a added'])
  })

  test('what follows soon is told after the time between two events, without another look', async () => {
    const recorder = new MemoryRecorder()
    await using changes = await changesOf(recorder, toldBefore([]), 50)
    const startedMs = performance.now()
    changes.seen([aFunction('a')])
    changes.seen([])
    // The timer holds no process; the test does.
    const holding = setInterval(() => undefined, 1_000)
    await recorder.until('config.changed', 2)
    clearInterval(holding)
    assert.ok(performance.now() - startedMs >= 50)
    assert.deepEqual(said(recorder), ['1; function a added', '0; function a removed'])
  })

  test('what changed while no edge was looking is told by the next one', async () => {
    const told = toldBefore()
    const before = new MemoryRecorder()
    {
      await using changes = await changesOf(before, told)
      changes.seen([aFunction('a'), aFunction('b')])
    }
    const recorder = new MemoryRecorder()
    await using same = await changesOf(recorder, told)
    same.seen([aFunction('b'), aFunction('a')])
    assert.deepEqual(said(recorder), [], 'nothing has changed')
    await using changes = await changesOf(recorder, told)
    changes.seen([aFunction('a'), aFunction('planted')])
    assert.deepEqual(said(recorder), ['2; function b removed; function planted added'])
    assert.deepEqual(recorder.events[0]?.change?.previous, before.events[0]?.change?.digest)
  })

  test('what cannot be recorded is tried again, and is not kept as told before it is on the disk', async () => {
    const recorder = new MemoryRecorder()
    const told = toldBefore([])
    const changes = await changesOf(recorder, told, 20)
    recorder.refusal = 'spool_full'
    changes.seen([aFunction('a')])
    recorder.refusal = null
    recorder.untilDurable = () => Promise.reject(new Error('the disk is gone'))
    const holding = setInterval(() => undefined, 1_000)
    await recorder.until('config.changed')
    clearInterval(holding)
    await changes[Symbol.asyncDispose]()
    assert.deepEqual(said(recorder), ['1; function a added'])
    assert.deepEqual(told.current, [])
  })
})

suite('code that is planted at a real target', () => {
  let postgres: EmbeddedPostgres
  let owner: pg.Client
  before(async () => {
    postgres = await startTarget()
    owner = await directClient(postgres)
    await owner.query('CREATE TABLE orders (id int, note text)')
  })
  after(async () => {
    await owner.end()
    await postgres[Symbol.asyncDispose]()
  })

  /** An edge that looks at the target, and tells at once. */
  async function looking(t: TestContext) {
    const recorder = new MemoryRecorder()
    const changes = await changesOf(recorder, toldBefore(), 0)
    const routines = routinesAt(postgres, { lookMs: 20, onCode: (code) => changes.seen(code) })
    const stop = new AbortController()
    const running = routines.run(stop.signal)
    t.after(async () => {
      stop.abort()
      await running
    })
    await recorder.until('config.changed')
    return { recorder, routines }
  }

  test('each kind of it is told by name within moments', async (t) => {
    const { recorder } = await looking(t)
    for (const [sql, expected] of planted) {
      const count = recorder.of('config.changed').length + 1
      await owner.query(sql)
      await recorder.until('config.changed', count)
      const words = said(recorder)[count - 1] ?? ''
      assert.equal(words.slice(words.indexOf('; ') + 2), expected, sql)
    }
  })

  test('what a session makes for itself, and tables, are no change of the code', async (t) => {
    const { recorder } = await looking(t)
    await owner.query(untold)
    await owner.query("CREATE FUNCTION told() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    await recorder.until('config.changed', 2)
    const [, ...words] = said(recorder)
    assert.deepEqual(words, [`${said(recorder)[1]?.split(';')[0]}; function public.told() added`])
  })

  test('code whose text is in no encoding is told as well', async () => {
    await owner.query(
      "CREATE DATABASE raw ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    )
    const { host: address, port, superuser: user, superuserPassword, ca } = postgres
    const raw = new Client({
      host: address,
      port,
      user,
      password: superuserPassword,
      database: 'raw',
      ssl: { ca },
    })
    await raw.connect()
    await raw.query("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS E'SELECT 1::text -- \\351'")
    await raw.end()
    const login = {
      user,
      password: new ScramPassword(superuserPassword),
      database: 'raw',
      applicationName: 'routines',
      settings: new Map(),
    }
    const { signal } = new AbortController()
    const { code } = await readRoutines(
      { address, port, tls: { mode: 'verify-full', ca } },
      login,
      signal,
    )
    assert.deepEqual(
      code.map(({ kind, name }) => `${kind} ${name}`),
      ['function public.f()'],
    )
  })

  test('what goes through the edge is told as well', async (t) => {
    const { recorder, routines } = await looking(t)
    const credentials = new MemoryCredentials()
    credentials.issue('agent', password, { target: 'r', actor: anActor })
    const guard = { credentials, policy: policyOf(routines, allowing()) }
    await using edge = await startEdge(postgres, { target: { name: 'r' }, options: { guard } })
    const client = new Client(edge.client)
    await client.connect()
    await client.query("CREATE FUNCTION through() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    await client.end()
    await recorder.until('config.changed', 2)
    assert.match(said(recorder)[1] ?? '', /; function public\.through\(\) added$/)
  })
})

const planted: readonly (readonly [sql: string, words: string])[] = [
  [
    "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    'function public.lower(character varying) added',
  ],
  [
    "CREATE OR REPLACE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text || $1'",
    'function public.lower(character varying) changed',
  ],
  [
    'ALTER FUNCTION lower(varchar) SECURITY DEFINER',
    'function public.lower(character varying) changed',
  ],
  [
    "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    'function public.noted() added',
  ],
  [
    'CREATE TRIGGER noting BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION noted()',
    'trigger noting on public.orders added',
  ],
  ['ALTER TABLE orders DISABLE TRIGGER noting', 'trigger noting on public.orders changed'],
  [
    'CREATE RULE also AS ON INSERT TO orders DO ALSO DELETE FROM orders WHERE id = 1',
    'rule also on public.orders added',
  ],
  ['DROP RULE also ON orders', 'rule also on public.orders removed'],
  ['CREATE VIEW shown AS SELECT id FROM orders', 'view public.shown added'],
  ['CREATE OR REPLACE VIEW shown AS SELECT 1 AS id', 'view public.shown changed'],
  ['CREATE POLICY open ON orders USING (true)', 'row policy open on public.orders added'],
  [
    "CREATE PROCEDURE sweep(int) LANGUAGE sql AS 'DELETE FROM orders'",
    'procedure public.sweep(integer) added',
  ],
  [
    'CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)',
    'aggregate public.total(integer) added',
  ],
  [
    'CREATE OR REPLACE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = 5)',
    'aggregate public.total(integer) changed',
  ],
  [
    'CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)',
    'operator public.=== (integer, integer) added',
  ],
  [
    'BEGIN; CREATE DOMAIN small AS int; ALTER DOMAIN small ADD CONSTRAINT below CHECK (VALUE < 5); COMMIT',
    'domain check below on public.small added',
  ],
  ['CREATE CAST (text AS int) WITH INOUT AS ASSIGNMENT', 'cast text to integer added'],
  [
    "CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    'function public.watched() added',
  ],
  [
    'CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watched()',
    'event trigger watching added',
  ],
  ['DROP EVENT TRIGGER watching', 'event trigger watching removed'],
  [
    "ALTER DATABASE postgres SET search_path = 'public'",
    'settings of all roles in this database added',
  ],
  ['ALTER DATABASE postgres RESET search_path', 'settings of all roles in this database removed'],
]

const untold = `
CREATE TEMP TABLE mine (id int);
CREATE TEMP VIEW mine_too AS SELECT 1 AS one;
CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE made (id int PRIMARY KEY);
CREATE TABLE of_made (id int REFERENCES made);
INSERT INTO made SELECT generate_series(1, 100);
ANALYZE made;
`
