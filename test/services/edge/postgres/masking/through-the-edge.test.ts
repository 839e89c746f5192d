import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { tokenKeyId } from '../../../../../services/edge/guard/masking/token-key-id.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import { everything, startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

const canary = '111-22-3333'

suite('masking at a real target', () => {
  let masked: MaskedTarget
  const seen: MaskedTarget['seen'] = (...texts) => masked.seen(...texts)

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
  })
  after(() => masked[Symbol.asyncDispose]())

  test('by identity, whatever the column is called and however it is reached', async () => {
    for (const text of [
      'SELECT ssn FROM m.secret ORDER BY id',
      'SELECT ssn AS note FROM m.secret ORDER BY id',
      'SELECT x FROM (SELECT ssn AS x, id FROM m.secret) q ORDER BY id',
      'WITH q AS (SELECT ssn AS a FROM m.secret WHERE id = 1) SELECT a FROM q',
      'SELECT (t).ssn FROM m.parted t',
      'SELECT l.s FROM m.other o, LATERAL (SELECT ssn AS s FROM m.secret) l LIMIT 1',
      'SELECT ssn FROM m.view_of_secret',
      'SELECT code FROM m.view_of_view',
      'SELECT ssn FROM m.stored_view',
      'SELECT ssn FROM m.part_1',
      'SELECT ssn FROM m.parted',
    ]) {
      const { rows, error, all } = await seen(text)
      assert.equal(error, null, `${text}: ${error?.message}`)
      assert.ok(rows.length > 0, text)
      assert.doesNotMatch(all, /111-22/, text)
    }
    const { rows } = await seen('SELECT id, ssn, email, note FROM m.secret WHERE id = 1')
    const [row] = rows as Record<string, string>[]
    assert.equal(row?.['id'], 1)
    assert.equal(row['ssn'], '****3333')
    assert.match(row['email'] ?? '', /^tok_/)
    assert.equal(row['note'], 'plain')
  })

  test('what has no identity shows nothing when it could show something masked', async () => {
    for (const text of [
      "SELECT ssn FROM m.secret UNION SELECT ''",
      "SELECT '' UNION SELECT ssn FROM m.secret",
      'VALUES ((SELECT ssn FROM m.secret LIMIT 1))',
      'SELECT (SELECT ssn FROM m.secret LIMIT 1)',
      'SELECT upper(ssn) FROM m.secret',
      "SELECT ssn || '' FROM m.secret",
      'SELECT ssn::varchar FROM m.secret',
      "SELECT coalesce(ssn, '') FROM m.secret",
      'SELECT CASE WHEN true THEN ssn END FROM m.secret',
      'SELECT max(ssn) FROM m.secret',
      'SELECT array_agg(ssn) FROM m.secret',
      'SELECT lag(ssn) OVER (ORDER BY id) FROM m.secret',
      'SELECT ssn COLLATE "C" FROM m.secret',
      'SELECT row_to_json(s) FROM m.secret s',
      "SELECT to_jsonb(s)->>'ssn' FROM m.secret s",
      'SELECT secret FROM m.secret',
      'SELECT s FROM m.secret s',
      "SELECT encode(ssn::bytea, 'hex') FROM m.secret",
      'SELECT reverse(ssn) FROM m.secret',
      'SELECT m.leak()',
      'SELECT * FROM m.leak()',
      "SELECT query_to_xml('select ssn from m.secret', true, false, '')",
      'EXPLAIN (ANALYZE, VERBOSE) SELECT ssn FROM m.secret',
      'SELECT ssn FROM m.secret a FULL JOIN m.secret b USING (ssn)',
      'WITH RECURSIVE r AS (SELECT ssn FROM m.secret UNION ALL SELECT ssn FROM r WHERE false) SELECT * FROM r',
      'SELECT code FROM m.view_of_expression',
    ]) {
      const { all } = await seen(text)
      assert.doesNotMatch(all, /111-22|3333-22|3131312d/, text)
      assert.doesNotMatch(all, /undefined/, text)
    }
  })

  test('what would carry it elsewhere is refused', async () => {
    for (const text of [
      'COPY m.secret TO STDOUT',
      'COPY (SELECT ssn FROM m.secret) TO STDOUT WITH (FORMAT binary)',
      'CREATE TABLE m.copied AS SELECT ssn FROM m.secret',
      'SELECT ssn INTO m.copied FROM m.secret',
      'INSERT INTO m.other (id, note) SELECT id + 100, ssn FROM m.secret',
      'UPDATE m.secret SET note = ssn',
      'UPDATE m.other SET note = s.ssn FROM m.secret s',
      'CREATE VIEW m.fresh AS SELECT ssn AS s FROM m.secret',
      "SELECT set_config('a.b', ssn, false) FROM m.secret",
      "SELECT pg_notify('ch', ssn) FROM m.secret",
      'SELECT most_common_vals FROM pg_stats',
      'SELECT query FROM pg_stat_activity',
    ]) {
      const { error, all } = await seen(text)
      assert.equal(error?.code, '42501', text)
      assert.doesNotMatch(all, /111-22/, text)
    }
  })

  test('what the target says in words is withheld', async () => {
    for (const text of [
      'SELECT ssn::int FROM m.secret',
      'SELECT ssn::date FROM m.secret',
      'SELECT id FROM m.secret WHERE ssn::int > 0',
      "UPDATE m.secret SET note = 'too long for the check' WHERE id = 1",
      'SELECT m.say()',
    ]) {
      const { error, all } = await seen(text)
      assert.doesNotMatch(all, /111-22/, text)
      if (error !== null) assert.match(error.message, /withheld/, text)
    }
  })

  test('a column that may only be selected cannot be asked about', async () => {
    for (const text of [
      "SELECT count(*) FROM m.secret WHERE pin LIKE '1%'",
      'SELECT id FROM m.secret ORDER BY pin',
      'SELECT pin, count(*) FROM m.secret GROUP BY 1',
      'SELECT DISTINCT pin FROM m.secret',
      'SELECT id FROM m.secret a JOIN m.other o ON o.note = a.pin',
      'DELETE FROM m.secret WHERE pin = $$1$$',
    ]) {
      assert.equal((await seen(text)).error?.code, '42501', text)
    }
    const { rows } = await seen('SELECT id, pin FROM m.secret WHERE id = 1')
    assert.deepEqual(rows, [{ id: 1, pin: null }])
  })

  test('everything else is as without a mask', async () => {
    const { rows } = await seen(
      'SELECT count(*)::int AS n, max(amount) AS most, upper(note) AS loud FROM m.secret GROUP BY note',
      'SELECT id, note AS text, amount * 2 AS twice FROM m.secret WHERE ssn IS NOT NULL ORDER BY id',
      'SELECT o.note FROM m.other o JOIN m.secret s ON s.id = o.id ORDER BY o.id',
      "UPDATE m.other SET note = 'changed' WHERE id = 1 RETURNING note",
      'SELECT 1 AS one, now() IS NOT NULL AS two',
      'SHOW server_version_num',
      'EXPLAIN SELECT ssn FROM m.secret',
    )
    assert.deepEqual(rows.slice(0, 5), [
      { n: 2, most: 20, loud: 'PLAIN' },
      { id: 1, text: 'plain', twice: 20 },
      { id: 2, text: 'plain', twice: 40 },
      { note: 'other' },
      { note: 'changed' },
    ])
    assert.deepEqual(rows[5], { one: 1, two: true })
    assert.match(JSON.stringify(rows[7]), /Seq Scan/)
  })

  test('prepared once and run many times without being described, in both formats', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    for (let round = 0; round < 3; round += 1) {
      for (const binary of [false, true]) {
        const query = {
          name: 'p',
          text: 'SELECT ssn, amount FROM m.secret WHERE id = $1',
          values: [1],
        }
        const { rows } = await client.query({ ...query, binary } as typeof query)
        assert.deepEqual(rows, [{ ssn: '****3333', amount: 10 }])
      }
    }
    await client.query('BEGIN')
    await client.query('DECLARE c CURSOR FOR SELECT ssn, upper(ssn) FROM m.secret')
    const fetched = await client.query('FETCH ALL FROM c')
    assert.doesNotMatch(JSON.stringify(fetched.rows), /111-22/)
    assert.equal(fetched.rows.length, 2)
    await client.query('COMMIT')
    await client.query('PREPARE q AS SELECT ssn FROM m.secret')
    assert.doesNotMatch(JSON.stringify((await client.query('EXECUTE q')).rows), /111-22/)
    await client.end()
  })

  test('what was prepared before the policy asked for masks is masked when it runs', async (t) => {
    const { policies } = masked
    const masks = policies.current
    t.after(() => {
      policies.replace(masks)
    })
    policies.replace(aPolicy(everything))
    const client = new Client(masked.edge.client)
    await client.connect()
    const query = { name: 'p', text: 'SELECT email FROM m.secret WHERE id = $1', values: [1] }
    assert.deepEqual((await client.query(query)).rows, [{ email: 'a@example.com' }])
    policies.replace(masks)
    const { rows } = await client.query<{ email: string }>(query)
    assert.match(rows[0]?.email ?? '', /^tok_/)
    await client.end()
  })

  test('a long row is masked as a whole, and rows by the thousand', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    const { rows } = await client.query<{ email: string; filler: string }>(
      'SELECT s.email, o.filler FROM m.secret s, m.long o WHERE s.id = 1 ORDER BY o.id',
    )
    assert.equal(rows.length, 3000)
    assert.equal(rows[0]?.filler.length, 300_000)
    assert.ok(rows.every(({ email }) => email.startsWith('tok_')))
    await client.end()
  })

  test('records hold what was shown, with counts by class', async () => {
    await seen('SELECT ssn FROM m.secret ORDER BY id')
    await masked.edge.recorder.until('session.ended')
    for (const event of masked.edge.recorder.events) {
      const response = event.response?.content.toString('latin1') ?? ''
      assert.ok(!response.includes(canary), event.type)
      assert.ok(!(event.completion?.error_message ?? '').includes(canary))
    }
    const last = masked.edge.recorder
      .requests()
      .findLast(({ text }) => text.includes('SELECT ssn FROM m.secret ORDER'))
    assert.equal(last?.decision, 'mask')
    assert.deepEqual(
      last.completion?.masked.map((each) => ({ ...each })),
      [{ data_class: 'ssn', count: 2 }],
    )
  })

  test('records name the key of the tokens that went out, and none where none did', async () => {
    const keyOf = async (sql: string): Promise<string | null | undefined> => {
      const before = masked.edge.recorder.requests().length
      await seen(sql)
      return masked.edge.recorder.requests()[before]?.completion?.token_key_id
    }
    assert.equal(await keyOf('SELECT ssn, email FROM m.secret'), tokenKeyId(Buffer.alloc(32, 9)))
    assert.equal(await keyOf('SELECT ssn FROM m.secret'), null)
    assert.equal(await keyOf('SELECT ssn, email FROM m.secret WHERE false'), null)
    assert.equal(await keyOf('SELECT note FROM m.other'), null)
  })

  test('a table that came after the last look at the catalog shows nothing until it is known', async () => {
    await masked.asOwner('CREATE VIEW m.sudden AS SELECT ssn AS harmless FROM m.secret')
    const before = await seen('SELECT harmless, upper(harmless) FROM m.sudden')
    assert.doesNotMatch(before.all, /111-22/)
    await masked.masking.refresh(AbortSignal.timeout(10_000))
    const after_ = await seen('SELECT harmless FROM m.sudden')
    assert.equal((after_.rows as { harmless: string }[])[0]?.harmless, '****3333')
  })
})

const classification = `version: 1
columns:
  - { column: m.secret.ssn, class: ssn, mask: last4 }
  - { column: m.secret.email, class: email, mask: token }
  - { column: m.secret.pin, class: pin, use: no-use }
  - { column: m.parted.ssn, class: ssn }
`

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.secret (id int PRIMARY KEY, ssn text, email text, note text CHECK (length(note) < 10), amount int, pin text);
INSERT INTO m.secret VALUES (1, '${canary}', 'a@example.com', 'plain', 10, '1234'), (2, '${canary}', 'b@example.com', 'plain', 20, '5678');
CREATE TABLE m.other (id int PRIMARY KEY, note text);
INSERT INTO m.other VALUES (1, 'other');
CREATE TABLE m.long (id int, filler text);
INSERT INTO m.long SELECT n, CASE n WHEN 0 THEN repeat('x', 300000) ELSE 'y' END FROM generate_series(0, 2999) n;
CREATE VIEW m.view_of_secret AS SELECT * FROM m.secret;
CREATE VIEW m.view_of_view AS SELECT ssn AS code, note FROM m.view_of_secret;
CREATE VIEW m.view_of_expression AS SELECT upper(ssn) AS code FROM m.secret;
CREATE MATERIALIZED VIEW m.stored_view AS SELECT id, ssn FROM m.secret;
CREATE TABLE m.parted (id int, ssn text) PARTITION BY LIST (id);
CREATE TABLE m.part_1 PARTITION OF m.parted FOR VALUES IN (1);
INSERT INTO m.parted VALUES (1, '${canary}');
CREATE FUNCTION m.leak() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM m.secret LIMIT 1';
CREATE FUNCTION m.say() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM m.secret LIMIT 1); END $$;
ANALYZE m.secret;
`
