import assert from 'node:assert/strict'
import { test } from 'node:test'

import { aPolicy } from '../../guard/policy-builders.ts'
import { everything, startMaskedTarget } from './masked-target.ts'

const schema = `
  CREATE SCHEMA m;
  CREATE TABLE m.secret (id int, ssn text);
  INSERT INTO m.secret VALUES (1, '111-22-3333');
  CREATE SEQUENCE m.numbers;
  CREATE FUNCTION m.leak() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM m.secret';
  CREATE TABLE notes (note text);
  CREATE FUNCTION m.store(text) RETURNS int LANGUAGE plpgsql AS
    'BEGIN INSERT INTO notes VALUES ($1); RETURN 1; END';
`
const classification = `
version: 1
columns:
  - { column: m.secret.ssn, class: id, mask: last4 }
`

test('a mask of relations or columns masks what functions answer that may read them', async () => {
  for (const what of ["relations: { read: ['m.secret'] }", "columns: { read: ['m.secret.ssn'] }"]) {
    const mask = `id: mask, targets: ['*'], ${what}, outcome: mask, mask: { classes: ['*'] }`
    await using masked = await startMaskedTarget(schema, classification, aPolicy(everything, mask))
    for (const text of [
      'SELECT m.leak()',
      'SELECT * FROM m.leak()',
      'SELECT id, m.leak() FROM m.secret',
    ]) {
      const { all, error } = await masked.seen(text)
      assert.equal(error, null, text)
      assert.doesNotMatch(all, /111-22/, text)
    }
    assert.deepEqual((await masked.seen('SELECT 1 AS n')).rows, [{ n: 1 }])
  }
})

test("what the server's own functions answer that run no code of users is shown", async () => {
  await using masked = await startMaskedTarget(schema, classification)
  const { rows, error } = await masked.seen(
    "SELECT nextval('m.numbers')",
    "SELECT nextval('m.numbers'), id FROM m.secret",
    'SELECT pg_try_advisory_lock(1)',
    "SELECT set_config('app.name', 'shop', false)",
  )
  assert.equal(error, null)
  assert.deepEqual(rows, [
    { nextval: '1' },
    { nextval: '2', id: 1 },
    { pg_try_advisory_lock: true },
    { set_config: 'shop' },
  ])
  const { all } = await masked.seen("SELECT set_config('app.name', ssn, false) FROM m.secret")
  assert.match(all, /cannot be masked/)
})

test('what functions of users answer is neither stored nor handed to another one', async () => {
  await using masked = await startMaskedTarget(schema, classification)
  for (const text of [
    'INSERT INTO notes SELECT m.leak()',
    'INSERT INTO notes VALUES (upper(m.leak()))',
    'UPDATE notes SET note = m.leak()',
    'MERGE INTO notes USING (SELECT m.leak() AS x) q ON false WHEN NOT MATCHED THEN INSERT VALUES (x)',
    'WITH x AS (INSERT INTO notes SELECT m.leak() RETURNING *) SELECT * FROM x',
    'PREPARE p AS INSERT INTO notes SELECT m.leak()',
    'SELECT m.leak(); INSERT INTO notes VALUES (1)',
    'CREATE TABLE copied AS SELECT m.leak() AS note',
    'SELECT m.leak() AS note INTO copied',
    'CREATE TABLE filled (note text DEFAULT m.leak())',
    'ALTER TABLE notes ADD COLUMN other text DEFAULT m.leak()',
    'CREATE DOMAIN filled AS text DEFAULT m.leak()',
    'SELECT m.store(m.leak())',
    'SELECT m.store((SELECT upper(m.leak())))',
    'SELECT m.store(x) FROM m.leak() x',
    'SELECT m.store(x) FROM notes, LATERAL (SELECT m.leak() AS x) q',
    'WITH q AS (SELECT m.leak() AS x) SELECT m.store(x) FROM q',
    'DELETE FROM notes WHERE m.store(m.leak()) > 0',
    'PREPARE p (text) AS SELECT m.store($1); EXECUTE p (m.leak())',
    "SELECT set_config('app.name', m.leak(), false)",
    "SELECT pg_notify('told', m.leak())",
    'SELECT nextval(m.leak()::regclass)',
  ]) {
    const { error } = await masked.seen(text)
    assert.match(
      error?.message ?? '',
      /cannot be masked: .* (stored elsewhere|would be handed)/,
      text,
    )
  }
  for (const text of [
    'SELECT m.leak(), m.leak()',
    'SELECT * FROM m.leak()',
    "SELECT m.store('x')",
    "SELECT m.store(nextval('m.numbers')::text)",
    "INSERT INTO notes VALUES (nextval('m.numbers')::text) RETURNING m.leak()",
    'UPDATE notes SET note = lower(note) WHERE note <> m.leak()',
    'DELETE FROM notes WHERE note = m.leak()',
    'CREATE VIEW shown AS SELECT m.leak() AS note',
    "CREATE TABLE numbered (n int DEFAULT nextval('m.numbers'), at timestamptz DEFAULT now())",
  ]) {
    const { error, all } = await masked.seen(text)
    assert.equal(error, null, text)
    assert.doesNotMatch(all, /111-22/, text)
  }
})
