import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { Client } from 'pg'

import { aPolicy } from '../../guard/policy-builders.ts'
import { everything, masksAll, startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

suite('a catalog that changes', () => {
  let masked: MaskedTarget
  let running: Promise<void>
  const stop = new AbortController()

  before(async () => {
    masked = await startMaskedTarget(schema, classification, aPolicy(everything))
    running = masked.masking.run(stop.signal)
    await changed(null)
  })
  after(async () => {
    stop.abort()
    await running
    await masked[Symbol.asyncDispose]()
  })

  /** Resolves with the milliseconds until there is another snapshot than this one; the next one of its own accord is 30 s away. */
  const changed = async (before: unknown): Promise<number> => {
    const began = performance.now()
    const first = before ?? masked.masking.catalog
    while (masked.masking.catalog === first) {
      await delay(1)
      if (performance.now() - began > 10_000) assert.fail('the catalog was not read again')
    }
    return performance.now() - began
  }

  test('what DDL through the edge makes of a plain view shows nothing before it is known, at once', async (t) => {
    const client = new Client(masked.edge.client)
    await client.connect()
    for (const statements of [
      ['CREATE OR REPLACE VIEW m.shown AS SELECT ssn AS note FROM m.secret'],
      ['BEGIN', 'CREATE VIEW m.later AS SELECT ssn AS note FROM m.secret', 'COMMIT'],
      ['BEGIN; CREATE TABLE m.fresh (note text); COMMIT'],
    ]) {
      for (const text of statements) await client.query(text)
    }
    await client.query("INSERT INTO m.fresh VALUES ('plain')")
    await client.end()
    masked.policies.replace(aPolicy(everything, masksAll))
    const began = performance.now()
    const known = JSON.stringify([{ note: '****3333' }, { note: '****3333' }, { note: 'plain' }])
    for (let shown = ''; shown !== known;) {
      shown = JSON.stringify(
        (await masked.seen('TABLE m.shown', 'TABLE m.later', 'TABLE m.fresh')).rows,
      )
      assert.doesNotMatch(shown, /111-22/)
      if (performance.now() - began > 10_000) assert.fail(`what is known is ${shown}`)
    }
    t.diagnostic(`known after ${(performance.now() - began).toFixed(1)} ms`)
  })

  test('a view that is replaced beside the edge is known within moments, by a look', async (t) => {
    const looking = new AbortController()
    const looked = masked.routines.run(looking.signal)
    t.after(() => looking.abort())
    const shown = async () =>
      JSON.stringify((await masked.seen('SELECT upper(note) AS n FROM m.beside')).rows)
    assert.equal(await shown(), '[{"n":"X"}]')
    await masked.asOwner('CREATE OR REPLACE VIEW m.beside AS SELECT ssn AS note FROM m.secret')
    for (const began = performance.now(); (await shown()) !== '[{"n":null}]';) {
      if (performance.now() - began > 10_000) assert.fail('the catalog was not read again')
    }
    looking.abort()
    await looked
  })

  test('a temporary view is found before the relation of the server that it is called like', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    const snapshot = masked.masking.catalog
    await client.query('CREATE TEMP VIEW pg_am AS SELECT m.told() AS amname')
    const shown = async () =>
      (await client.query('SELECT upper(amname) AS n FROM pg_am')).rows as unknown
    assert.deepEqual(await shown(), [{ n: null }])
    await changed(snapshot)
    while (masked.masking.catalog?.columnsNamed(['pg_am']).length !== 2) await delay(1)
    assert.deepEqual(await shown(), [{ n: null }])
    await client.end()
  })

  test('a transaction that is rolled back asks for nothing more than a look', async () => {
    const snapshot = masked.masking.catalog
    await masked.seen('BEGIN', 'CREATE TABLE m.gone (ssn text)', 'ROLLBACK')
    await changed(snapshot)
    assert.match((await masked.seen('TABLE m.gone')).error?.message ?? '', /does not exist/)
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
CREATE VIEW m.shown AS SELECT 'x'::text AS note;
CREATE FUNCTION m.told() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM m.secret';
CREATE VIEW m.beside AS SELECT 'x'::text AS note;
`
