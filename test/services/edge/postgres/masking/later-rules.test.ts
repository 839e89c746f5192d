import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { aPolicy } from '../../guard/policy-builders.ts'
import { everything, startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

// About one relation: FETCH and EXECUTE name none.
const masksSecrets =
  "id: mask, targets: ['*'], relations: { read: [m.secret] }, outcome: mask, mask: { classes: ['*'] }"

suite('what a session made before a mask rule came into force', () => {
  let masked: MaskedTarget
  let client: Client

  before(async () => {
    masked = await startMaskedTarget(schema, classification, aPolicy(everything))
  })
  after(() => masked[Symbol.asyncDispose]())

  const openly = async (...texts: readonly string[]): Promise<void> => {
    masked.policies.replace(aPolicy(everything))
    client = new Client(masked.edge.client)
    await client.connect()
    for (const text of texts) await client.query(text)
    masked.policies.replace(aPolicy(everything, masksSecrets))
  }

  test('a cursor shows masked values', async () => {
    await openly('BEGIN', 'DECLARE c CURSOR FOR SELECT ssn, upper(ssn) FROM m.secret')
    const { rows } = await client.query('FETCH ALL FROM c')
    assert.deepEqual(rows, [{ ssn: '****3333', upper: null }])
    await client.end()
  })

  test('a cursor WITH HOLD, after its transaction', async () => {
    await openly('BEGIN', 'DECLARE c CURSOR WITH HOLD FOR TABLE m.secret', 'COMMIT')
    const { rows } = await client.query('FETCH FORWARD 5 FROM c')
    assert.deepEqual(rows, [{ id: 1, ssn: '****3333' }])
    await client.end()
  })

  test('a FETCH that was parsed when its cursor showed something else', async () => {
    await openly('BEGIN', 'DECLARE c CURSOR FOR SELECT 1 AS ssn')
    const fetch = { name: 'f', text: 'FETCH ALL FROM c' }
    assert.deepEqual((await client.query(fetch)).rows, [{ ssn: 1 }])
    await client.query('CLOSE c')
    await client.query('DECLARE c CURSOR FOR SELECT ssn FROM m.secret')
    assert.deepEqual((await client.query(fetch)).rows, [{ ssn: '****3333' }])
    await client.end()
  })

  test('a prepared statement shows masked values, and stores none elsewhere', async () => {
    await openly(
      'PREPARE p AS SELECT ssn FROM m.secret',
      'PREPARE w AS INSERT INTO m.other (note) SELECT ssn FROM m.secret',
    )
    assert.deepEqual((await client.query('EXECUTE p')).rows, [{ ssn: '****3333' }])
    await assert.rejects(client.query('EXECUTE w'), /would be stored elsewhere/)
    await client.end()
  })

  test('a portal of the protocol is not fetched from by SQL, and an unknown cursor neither', async () => {
    await openly()
    await assert.rejects(client.query('FETCH ALL FROM c'), /what the cursor c shows/)
    await client.end()
  })
})

const classification = `version: 1
columns:
  - { column: m.secret.ssn, class: ssn, mask: last4 }
`

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.secret (id int PRIMARY KEY, ssn text);
INSERT INTO m.secret VALUES (1, '111-22-3333');
CREATE TABLE m.other (note text);
`
