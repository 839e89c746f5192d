import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

suite('ways past the rows of a SELECT', () => {
  let masked: MaskedTarget
  const seen: MaskedTarget['seen'] = (...texts) => masked.seen(...texts)

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
  })
  after(() => masked[Symbol.asyncDispose]())

  const showsNothing = async (text: string): Promise<void> => {
    const { all } = await seen(text)
    assert.doesNotMatch(all, /canary|1234/, text)
  }
  const isRefused = async (text: string): Promise<void> => {
    const { error, all } = await seen(text)
    assert.equal(error?.code, '42501', `${text}: ${all}`)
    assert.match(error.message, /cannot be masked/, text)
    assert.doesNotMatch(all, /canary|1234/, text)
  }

  test('COPY in every format, of the table, of a view over it, and of a query', async () => {
    for (const what of ['m.secret', 'm.secret (ssn)', 'm.shown', '(SELECT ssn FROM m.secret)']) {
      for (const format of ['text', 'csv', 'binary']) {
        await isRefused(`COPY ${what} TO STDOUT WITH (FORMAT ${format})`)
      }
    }
    await isRefused('COPY (UPDATE m.secret SET note = note RETURNING ssn) TO STDOUT')
    await isRefused('COPY (WITH s AS (TABLE m.secret) SELECT upper(ssn) FROM s) TO STDOUT')
    assert.equal((await seen('COPY m.secret (id, note) TO STDOUT')).error, null)
  })

  test('EXPLAIN says how, and nothing of what', async () => {
    for (const text of [
      'EXPLAIN (ANALYZE, VERBOSE) SELECT ssn FROM m.secret',
      "EXPLAIN ANALYZE SELECT 1 FROM m.secret WHERE ssn LIKE 'c%'",
      'EXPLAIN (ANALYZE, FORMAT json) SELECT max(ssn) FROM m.secret',
      'EXPLAIN ANALYZE UPDATE m.other SET note = s.ssn FROM m.secret s',
    ]) {
      await isRefused(text)
    }
    // An estimate tells how often a value is there.
    await isRefused("EXPLAIN SELECT 1 FROM m.secret WHERE pin = '1234x'")
    for (const text of [
      'EXPLAIN (VERBOSE) SELECT m.constant_leak()',
      'EXPLAIN (VERBOSE) SELECT m.constant_leak() FROM m.secret',
      'EXPLAIN (VERBOSE) SELECT (SELECT ssn FROM m.secret LIMIT 1)',
    ]) {
      await showsNothing(text)
    }
    const { all } = await seen('EXPLAIN SELECT ssn FROM m.secret', 'EXPLAIN ANALYZE TABLE m.other')
    assert.match(all, /Seq Scan on secret/)
    assert.match(all, /actual time/)
  })

  test('statistics, and statements of other sessions', async () => {
    for (const view of [
      'pg_stats',
      'pg_catalog.pg_statistic',
      'pg_stats_ext',
      'pg_stat_activity',
      'pg_prepared_statements',
      'pg_cursors',
    ]) {
      await isRefused(`SELECT * FROM ${view}`)
    }
    for (const text of [
      'SELECT * FROM m.statistics',
      'SELECT upper(most_common_vals) FROM m.statistics',
      'SELECT * FROM m.activity',
      'SELECT pg_stat_get_activity(NULL)',
      'SELECT pg_stat_get_backend_activity(n) FROM generate_series(1, 50) n',
    ]) {
      await showsNothing(text)
    }
  })

  test('errors and notices that quote values', async () => {
    for (const text of [
      'SELECT ssn::int FROM m.secret',
      'SELECT ssn::regclass FROM m.secret',
      'SELECT ssn::regrole FROM m.secret',
      'SELECT ssn::regnamespace FROM m.secret',
      'SELECT ssn::regproc FROM m.secret',
      'SELECT ssn::regtype FROM m.secret',
      'SELECT current_setting(ssn) FROM m.secret',
      "SELECT has_table_privilege(ssn, 'select') FROM m.secret",
      'SELECT pg_get_serial_sequence(ssn, ssn) FROM m.secret',
      'SELECT timezone(ssn, now()) FROM m.secret',
      'SELECT id FROM m.secret WHERE ssn::regclass IS NULL',
      "UPDATE m.secret SET note = 'longer than allowed'",
      "INSERT INTO m.secret (id, ssn) SELECT 3, 'x' UNION ALL SELECT 1, 'y'",
      "UPDATE m.secret SET ssn = 'x', id = 2",
      'DELETE FROM m.parent',
      'SELECT m.say()',
      "DO $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM m.secret LIMIT 1); END $$",
    ]) {
      const { error, all } = await seen(text)
      assert.doesNotMatch(all, /canary|1234/, text)
      assert.doesNotMatch(all, /detail":"/, text)
      if (error !== null) assert.match(error.message, /withheld|cannot be|blocked/, text)
    }
    // What is wrong with the statement itself is said.
    const { error } = await seen('SELECT ssn, nope FROM m.secret')
    assert.match(error?.message ?? '', /column "nope" does not exist/)
    assert.equal(error?.position, '13')
  })

  test('RETURNING and ON CONFLICT', async () => {
    const { rows } = await seen(
      "INSERT INTO m.secret VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = 'hit' RETURNING id, ssn, upper(ssn), note",
      "UPDATE m.secret SET note = 'hit' WHERE id = 1 RETURNING ssn AS s",
      'MERGE INTO m.secret s USING (SELECT 1 AS id) x ON x.id = s.id WHEN MATCHED THEN UPDATE SET note = $$hit$$ RETURNING s.ssn',
      "INSERT INTO m.secret VALUES (7, 'mine', 'hit') RETURNING id, ssn, note",
      'DELETE FROM m.secret WHERE id = 7 RETURNING ssn, id',
    )
    assert.deepEqual(rows, [
      { id: 1, ssn: '****0001', upper: null, note: 'hit' },
      { s: '****0001' },
      { ssn: '****0001' },
      { id: 7, ssn: '****', note: 'hit' },
      { ssn: '****', id: 7 },
    ])
    await showsNothing('UPDATE m.secret SET note = note RETURNING old.ssn, new.ssn, old, new')
    await isRefused(
      "INSERT INTO m.secret VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = secret.ssn",
    )
    await isRefused(
      "INSERT INTO m.other SELECT 'x' ON CONFLICT (note) DO UPDATE SET note = (SELECT ssn FROM m.secret LIMIT 1)",
    )
  })

  test('a write inside another statement stores nothing masked', async () => {
    for (const text of [
      'WITH w AS (INSERT INTO m.other SELECT ssn FROM m.secret RETURNING 1) SELECT 1 FROM w',
      'WITH w AS (UPDATE m.other SET note = s.ssn FROM m.secret s) DELETE FROM m.other WHERE false',
      'PREPARE p AS INSERT INTO m.other SELECT ssn FROM m.secret',
      'EXPLAIN ANALYZE INSERT INTO m.other SELECT ssn FROM m.secret',
    ]) {
      await isRefused(text)
    }
    assert.doesNotMatch((await seen('TABLE m.other')).all, /canary/)
  })

  test('a column that is generated from a masked one', async () => {
    assert.deepEqual((await seen('SELECT id, loud FROM m.secret WHERE id = 1')).rows, [
      { id: 1, loud: null },
    ])
    await showsNothing('SELECT lower(loud) FROM m.secret')
  })

  test('a column of no use is in no condition of anything', async () => {
    for (const text of [
      "PREPARE p AS SELECT 1 FROM m.secret WHERE pin = '1'",
      "DECLARE c CURSOR FOR SELECT 1 FROM m.secret WHERE pin = '1'",
      'SELECT pin IS NULL FROM m.secret',
      'SELECT count(pin) FROM m.secret',
      "UPDATE m.secret SET note = 'x' WHERE pin = '1'",
      'SELECT 1 FROM m.shown WHERE pin LIKE $$1%$$',
      'SELECT pin FROM m.secret UNION SELECT note FROM m.other',
      'WITH s AS (SELECT id FROM m.secret WHERE pin > $$1$$) SELECT id FROM s',
      'SELECT id FROM m.secret a WHERE EXISTS (SELECT FROM m.secret b WHERE b.pin = a.pin)',
      'SELECT id FROM m.secret NATURAL JOIN m.shown',
    ]) {
      await isRefused(text)
    }
    assert.equal((await seen("UPDATE m.secret SET pin = '9' WHERE id = 2")).error, null)
  })

  test('binary answers are masked as text ones are', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    for (const binary of [false, true]) {
      const query = { text: 'SELECT ssn, id FROM m.secret WHERE id = $1', values: [1], binary }
      assert.deepEqual((await client.query(query)).rows, [{ ssn: '****0001', id: 1 }])
    }
    await client.end()
  })
})

const classification = `version: 1
columns:
  - { column: m.secret.ssn, class: ssn, mask: last4 }
  - { column: m.secret.pin, class: pin, use: no-use }
`

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.parent (id int PRIMARY KEY);
INSERT INTO m.parent VALUES (1), (2);
CREATE TABLE m.secret (
  id int PRIMARY KEY, ssn text, note text CHECK (length(note) < 10), pin text,
  loud text GENERATED ALWAYS AS (upper(ssn)) STORED
);
INSERT INTO m.secret VALUES (1, 'canary-0001', 'plain', '1234x'), (2, 'canary-0002', 'plain', '1234y');
CREATE TABLE m.other (note text PRIMARY KEY);
CREATE VIEW m.shown AS SELECT * FROM m.secret;
CREATE VIEW m.statistics AS SELECT tablename, most_common_vals::text FROM pg_stats;
CREATE VIEW m.activity AS SELECT query FROM pg_stat_activity;
CREATE FUNCTION m.constant_leak() RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ssn FROM m.secret LIMIT 1';
CREATE FUNCTION m.say() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM m.secret LIMIT 1); END $$;
ANALYZE m.secret;
`
