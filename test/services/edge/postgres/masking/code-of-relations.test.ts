import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

/** Tables whose rows are stamped and counted by triggers, as most have them: ordinary work goes on where such code runs. */
suite('tables with triggers, defaults and checks by functions of users', () => {
  let masked: MaskedTarget

  before(async () => {
    masked = await startMaskedTarget(
      `
      CREATE TABLE people (id int PRIMARY KEY, ssn text);
      CREATE SEQUENCE codes;
      CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS 'SELECT ''c'' || nextval(''codes'')';
      CREATE FUNCTION is_short(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT length($1) < 9';
      CREATE DOMAIN short AS text CHECK (is_short(VALUE));
      CREATE TABLE notes (id int PRIMARY KEY, code text DEFAULT next_code(), note short, at text);
      CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.at := 'now'; RETURN NEW; END $$;
      CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION stamped();
      CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER counted AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION counted();
      CREATE VIEW short_notes AS SELECT id, note, is_short(note) FROM notes`,
      'version: 1\ncolumns: [{ column: public.people.ssn, class: ssn }]\n',
    )
  })
  after(() => masked[Symbol.asyncDispose]())

  test('prepared statements run again and again, in transactions and out of them', async () => {
    const client = new Client(masked.edge.client)
    await client.connect()
    const insert = {
      name: 'i',
      text: 'INSERT INTO notes (id, note) VALUES ($1, $2) RETURNING at, code',
    }
    for (let id = 1; id <= 3; id++) {
      const { rows } = await client.query({ ...insert, values: [id, 'ü\\'] })
      assert.deepEqual(rows, [{ at: 'now', code: `c${id}` }])
    }
    await client.query('BEGIN')
    for (let id = 4; id <= 6; id++) await client.query({ ...insert, values: [id, 'x'] })
    await client.query('COMMIT')
    const read = {
      name: 's',
      text: 'SELECT count(*)::int AS n, max(note) AS last FROM notes WHERE id < $1',
    }
    for (let time = 0; time < 2; time++) {
      const { rows } = await client.query({ ...read, values: [7] })
      assert.deepEqual(rows, [{ n: 6, last: 'ü\\' }])
    }
    const { rows } = await client.query(
      'SELECT note, upper(note) AS loud FROM short_notes WHERE id = 4',
    )
    assert.deepEqual(rows, [{ note: 'x', loud: 'X' }])
    await client.end()
  })
})
