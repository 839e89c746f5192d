import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import type pg from 'pg'

import { sampleSchema } from '../../../../../services/all-in-one/demo/sample/sample-schema.ts'
import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { factsOf } from '../../../../../services/edge/postgres/facts.ts'
import type { TargetRoutines } from '../../../../../services/edge/postgres/routines/target-routines.ts'
import { directClient, startTarget } from '../edge-fixture.ts'
import { allowing, aSubject, grammar, policyOf, routinesAt } from './routines-target.ts'
import { until } from '../../../../support/until.ts'

suite('the code of users at a target', () => {
  let target: EmbeddedPostgres
  let owner: pg.Client
  let routines: TargetRoutines
  const { signal } = new AbortController()

  before(async () => {
    target = await startTarget()
    owner = await directClient(target)
    routines = routinesAt(target)
    await owner.query(sampleSchema)
    await owner.query(pgbenchSchema)
    await routines.refresh(signal)
  })
  after(async () => {
    await owner.end()
    await target[Symbol.asyncDispose]()
  })

  const refusalOf = (text: string, allowed: readonly string[] = [], path?: string): string | null =>
    policyOf(routines, allowing(...allowed)).decide(text, aSubject(path)).refusal?.message ?? null

  test('is in nobody’s way where there is none: the demo’s statements and those of pgbench have the facts of the grammar', () => {
    for (const text of ordinary) {
      const byGrammar = factsOf(grammar, text)
      const byTarget = factsOf(grammar, text, { code: routines.codeFor(aSubject()) })
      assert.ok(byGrammar.ok && byTarget.ok)
      assert.deepEqual(byTarget.facts, byGrammar.facts, text)
    }
  })

  test('is the same object for as long as it is the same, so that no verdict is forgotten', async () => {
    const policy = policyOf(routines, allowing())
    const { digest } = policy
    await routines.refresh(signal)
    assert.equal(policy.digest, digest)
    await owner.query("CREATE FUNCTION public.other() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    await routines.refresh(signal)
    assert.notEqual(policy.digest, digest)
    await owner.query('DROP FUNCTION public.other()')
  })

  test('is allowed by its name, which is what the record says was called', async () => {
    await owner.query(
      "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    )
    await routines.refresh(signal)
    const text = "SELECT lower('A'::varchar)"
    assert.match(refusalOf(text) ?? '', /calling public\.lower/)
    assert.equal(refusalOf(text, ['public.lower']), null)
    const { functions } = policyOf(routines, allowing('public.*')).decide(text, aSubject())
    assert.deepEqual(functions, ['lower', 'public.lower'])
    await owner.query('DROP FUNCTION public.lower(varchar)')
  })

  test('counts where the search path of the session leads to it', async () => {
    await owner.query(
      "CREATE SCHEMA tools; CREATE FUNCTION tools.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    )
    await routines.refresh(signal)
    const text = "SELECT lower('A'::varchar)"
    assert.equal(refusalOf(text), null)
    assert.match(refusalOf(text, [], 'public, tools') ?? '', /calling tools\.lower/)
    await owner.query('ALTER DATABASE postgres SET search_path = tools, public')
    await routines.refresh(signal)
    assert.match(refusalOf(text) ?? '', /calling tools\.lower/)
    await owner.query('ALTER DATABASE postgres RESET search_path; DROP SCHEMA tools CASCADE')
  })

  test('members of extensions count as the server’s own, and as calls where they are called by an attribute', async () => {
    await owner.query('CREATE SCHEMA ext')
    await owner.query('CREATE TABLE ext.rows (id int, note text)')
    await owner.query(
      "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    )
    await owner.query(
      "CREATE FUNCTION public.shown(ext.rows) RETURNS text LANGUAGE sql AS 'SELECT $1.note'",
    )
    await owner.query('ALTER EXTENSION plpgsql ADD FUNCTION public.lower(varchar)')
    await owner.query('ALTER EXTENSION plpgsql ADD FUNCTION public.shown(ext.rows)')
    await routines.refresh(signal)
    assert.equal(refusalOf('SELECT lower(note) FROM ext.rows'), null)
    assert.match(refusalOf('SELECT r.shown FROM ext.rows r') ?? '', /calling public\.shown/)
    await owner.query('ALTER EXTENSION plpgsql DROP FUNCTION public.lower(varchar)')
    await owner.query('ALTER EXTENSION plpgsql DROP FUNCTION public.shown(ext.rows)')
    await owner.query('DROP SCHEMA ext CASCADE; DROP FUNCTION public.lower(varchar)')
  })

  test('what a session defines counts from then on, and until a snapshot shows how it ended', async () => {
    await routines.refresh(signal)
    const policy = policyOf(routines, allowing())
    const session = aSubject()
    const call = (): string | null =>
      policy.decide('SELECT lower(name) FROM customers', aSubject()).refusal?.message ?? null
    assert.equal(call(), null)
    const { digest } = policy
    policy.decide("CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS ''", session)
    assert.notEqual(policy.digest, digest)
    assert.match(call() ?? '', /calling lower/)
    await routines.refresh(signal)
    assert.match(call() ?? '', /calling lower/)
    policy.catalogChanged(session, true)
    await routines.refresh(signal)
    assert.equal(call(), null)
  })

  test('its health says when it cannot be read any more, what counts meanwhile and what to do', async (t) => {
    const watched = routinesAt(target, { refreshMs: 60_000 })
    await watched.refresh(signal)
    assert.deepEqual(watched.health(), { state: 'ok' })
    const stop = new AbortController()
    const running = watched.run(stop.signal)
    t.after(() => stop.abort())
    const stateIs = async (state: string): Promise<void> => {
      watched.refreshNow()
      await until(() => watched.health().state === state)
    }
    await owner.query(`ALTER ROLE ${target.superuser} NOLOGIN`)
    await stateIs('degraded')
    const { reason = '' } = watched.health()
    assert.match(reason, /cannot be read: the last ones count for a while; see that the target/)
    assert.notEqual(watched.code, null)
    await owner.query(`ALTER ROLE ${target.superuser} LOGIN`)
    await stateIs('ok')
    stop.abort()
    await running
  })
})

const pgbenchSchema = `
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));`

const ordinary = [
  'UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2',
  'SELECT abalance FROM pgbench_accounts WHERE aid = 17',
  'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, 4, CURRENT_TIMESTAMP)',
  'SELECT status, count(*) FROM orders GROUP BY status ORDER BY 2 DESC',
  'SELECT c.id, lower(c.name), sum(i.quantity * i.unit_price_eur) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i USING (id) GROUP BY c.id, c.name HAVING count(*) > 1',
  "SELECT o.id, o.status FROM orders o WHERE o.placed_at >= now() - interval '30 days' AND o.status IN ('paid', 'new') ORDER BY o.placed_at DESC LIMIT 5",
  'UPDATE products SET stock = stock + $1 WHERE sku = (SELECT sku FROM products ORDER BY stock, sku LIMIT 1) RETURNING sku, stock',
  "SELECT CASE status WHEN 'paid' THEN 1 ELSE 0 END, nullif(status, 'x'), status LIKE 'p%' FROM orders",
  'WITH latest AS (SELECT max(id) AS id FROM orders) SELECT latest.id FROM latest NATURAL JOIN orders',
  "SELECT e.key, e.value FROM jsonb_each_text('{}') AS e (key, value)",
  'SELECT t.table_name, c.relname FROM information_schema.tables t, pg_catalog.pg_class c WHERE c.relname = t.table_name',
  "SELECT (row_to_json(o)) ->> 'id', '1'::int, 'x'::varchar(3), '{}'::jsonb FROM orders o",
  'COPY (SELECT id FROM orders WHERE id BETWEEN 1 AND 9) TO STDOUT',
  'PREPARE p (int) AS SELECT o.id FROM orders o WHERE o.id = $1',
]
