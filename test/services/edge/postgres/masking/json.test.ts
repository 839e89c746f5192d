import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

suite('values inside JSON, at a real target', () => {
  let masked: MaskedTarget

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
  })
  after(() => masked[Symbol.asyncDispose]())

  test('are masked in json, jsonb and text, in text and in binary', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    for (const binary of [false, true]) {
      const query = {
        text: 'SELECT id, b, j, t FROM m.people WHERE id < $1 ORDER BY id',
        values: [3],
        binary,
        // As they come, without their JSON being read.
        types: { getTypeParser: () => (value: string | Buffer) => value.toString('utf8') },
      }
      const { rows } = await client.query<{ b: string; j: string; t: string }>(query)
      const [first, second] = rows
      assert.ok(first !== undefined && second !== undefined)
      const b = binary ? first.b.slice(1) : first.b
      assert.equal(first.b.startsWith('\u0001'), binary)
      assert.deepEqual(JSON.parse(b), { n: 1.5, contact: { email: '****.com', note: 'plain' } })
      assert.match(first.j, /^\{"n":1\.50,"contact":\{"email":"\*\*\*\*\.com"/)
      assert.match(first.t, /\*\*\*\*\.com/)
      // Another shape than the path says.
      assert.deepEqual([second.b, second.j, second.t], [null, null, null])
      assert.doesNotMatch(JSON.stringify(rows), /canary/)
    }
    await client.end()
  })

  test('show nothing in expressions', async () => {
    for (const expression of [
      "b->'contact'",
      "b->'contact'->>'email'",
      "b #>> '{contact,email}'",
      "b['contact']['email']",
      "jsonb_path_query(b, '$.contact.email')",
      'to_jsonb(p)',
      'row_to_json(p)',
      'jsonb_agg(b)',
      'j::jsonb',
      't::json',
      'jsonb_pretty(b)',
      'p',
    ]) {
      const { all, rows } = await masked.seen(
        `SELECT ${expression} AS x FROM m.people p WHERE id = 1`,
      )
      assert.doesNotMatch(all, /canary/, expression)
      assert.deepEqual(rows, [{ x: null }], expression)
    }
    const { all } = await masked.seen('SELECT * FROM m.people p, jsonb_each_text(p.b) e')
    assert.doesNotMatch(all, /canary/)
  })
})

const classification = `version: 1
columns:
  - { column: m.people.b, class: contact, json: [{ path: $.contact.email, mask: last4 }] }
  - { column: m.people.j, class: contact, json: [{ path: $.contact.email, mask: last4 }] }
  - { column: m.people.t, class: contact, json: [{ path: $.contact.email, mask: last4 }] }
`

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.people (id int PRIMARY KEY, b jsonb, j json, t text);
INSERT INTO m.people SELECT 1, j::jsonb, j::json, j FROM (VALUES ('{"n":1.50,"contact":{"email":"canary@example.com","note":"plain"}}')) v (j);
INSERT INTO m.people VALUES (2, '{"contact":"canary@example.com"}', '"canary"', 'canary');
`
