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
