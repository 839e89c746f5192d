import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { directClient, startTarget } from './edge-fixture.ts'
import { aWire, bind, close, describe, execute, parse, sync } from './raw-client.ts'
import type { RawClient } from './raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
  const owner = await directClient(server)
  await owner.query(`
    CREATE FUNCTION of_users(statement text) RETURNS int LANGUAGE plpgsql AS
      $$ BEGIN EXECUTE statement; RETURN 1; END $$`)
  await owner.end()
})
after(() => server[Symbol.asyncDispose]())

const swap = "SELECT of_users('DEALLOCATE s'), of_users($$PREPARE s AS SELECT 'swapped'$$)"

test('a Bind binds what was prepared, whatever code of users has put under its name', async (t) => {
  const { client, edge } = await aWire(t, server)
  await prepared(client, "SELECT 'prepared'", 's')
  for (const text of [swap, "SELECT of_users('DEALLOCATE ALL')", "SELECT of_users('SELECT 1')"]) {
    await client.query(text)
    for (let time = 0; time < 2; time++) {
      await client.send([bind('s'), execute(), sync])
      assert.deepEqual(await client.answer(), ran('2DCZ', 'prepared'))
    }
  }
  const texts = edge.recorder.requests().map(({ text }) => text)
  assert.equal(texts.filter((text) => text === "SELECT 'prepared'").length, 7)
})

test('in the same batch, before the code, behind it and by a prepared statement', async (t) => {
  const { client } = await aWire(t, server)
  await client.send([
    parse("SELECT 'prepared'", 's'),
    parse(swap, 'code'),
    bind('s'),
    execute(),
    bind('code'),
    execute(),
    bind('s'),
    execute(),
    bind('code'),
    execute(),
    bind('s'),
    describe('portal'),
    execute(),
    sync,
  ])
  const { types, rows, errors } = await client.answer()
  assert.equal(types, '112DC2DC2DC2DC2TDCZ')
  assert.deepEqual(errors, [])
  assert.deepEqual(
    rows.map(([first]) => first),
    ['prepared', '1', 'prepared', '1', 'prepared'],
  )
})

test('with the types that the client declared', async (t) => {
  const { client } = await aWire(t, server)
  const int4 = 23
  await client.send([
    {
      type: 'parse',
      statement: 's',
      text: Buffer.from('SELECT $1, pg_typeof($1)'),
      parameterTypes: [int4],
    },
    sync,
  ])
  await client.answer()
  await client.query(swap)
  await client.send([bind('s', '', ['7']), execute(), sync])
  assert.deepEqual((await client.answer()).rows, [['7', 'integer']])
})

test('what cannot be parsed anew is tried again with the next Bind', async (t) => {
  const { client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE gone (n int)')
  await prepared(client, 'SELECT n FROM gone', 's')
  await prepared(client, 'ROLLBACK', 'back')
  await client.query(swap)
  await client.query('BEGIN')
  await client.query('SELECT 1/0')
  // An aborted transaction takes no Parse, and no Bind either.
  await client.send([bind('s'), execute(), bind('back'), execute(), sync])
  assert.deepEqual(await client.answer(), { types: 'EZ', errors: ['25P02'], rows: [], status: 'E' })
  await client.send([bind('back'), execute(), sync])
  assert.equal((await client.answer()).types, '2CZ')
  await client.send([bind('s'), execute(), sync])
  assert.equal((await client.answer()).types, '2CZ')
  await client.query(swap)
  await client.query('ALTER TABLE gone RENAME TO here')
  await client.send([bind('s'), execute(), sync])
  assert.deepEqual((await client.answer()).errors, ['42P01'])
  await client.query('ALTER TABLE here RENAME TO gone')
  await client.send([bind('s'), execute(), sync])
  assert.equal((await client.answer()).types, '2CZ')
})

test('a name that the client has closed stays closed, and may be given anew', async (t) => {
  const { client } = await aWire(t, server)
  await prepared(client, "SELECT 'prepared'", 's')
  await client.query(swap)
  await client.send([close('statement', 's'), bind('s'), execute(), sync])
  assert.deepEqual((await client.answer()).errors, ['26000'])
  await prepared(client, "SELECT 'again'", 's')
  await client.send([bind('s'), execute(), sync])
  assert.deepEqual(await client.answer(), ran('2DCZ', 'again'))
})

test('text that such code may have the target read otherwise is read as ever in its batch', async (t) => {
  const { client } = await aWire(t, server)
  await prepared(client, "SELECT 'ü'", 's')
  await prepared(client, "SELECT of_users('SELECT 1 -- settles')", 'code')
  await client.send([
    bind('code'),
    execute(),
    bind('s'),
    execute(),
    parse("SELECT 'ü\\'"),
    bind(),
    execute(),
    sync,
  ])
  const { types, rows } = await client.answer()
  assert.deepEqual([types, rows], ['2DC2DC12DCZ', [['1'], ['ü'], ['ü\\']]])
  const setting = "SELECT set_config('standard_conforming_strings', 'off', true)"
  await prepared(client, `SELECT of_users($$${setting}$$) -- settles`, 'sets')
  await client.send([bind('sets'), execute(), parse("SELECT '\\'"), bind(), execute(), sync])
  assert.deepEqual((await client.answer()).rows, [['1'], ['\\']])
})

async function prepared(client: RawClient, text: string, name: string): Promise<void> {
  await client.send([parse(text, name), sync])
  assert.equal((await client.answer()).types, '1Z')
}

function ran(types: string, row: string) {
  return { types, errors: [], rows: [[row]], status: 'I' }
}
