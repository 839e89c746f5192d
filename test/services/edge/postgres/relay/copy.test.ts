import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { startTarget } from '../edge-fixture.ts'
import { aWire, bind, copyData, copyDone, execute, parse, sync } from '../raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('COPY data sent ahead of the answer belongs to its statement', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE ahead (n int)')
  await client.send([
    parse('copy ahead FROM STDIN'),
    bind(),
    execute(),
    sync,
    copyData('1\n2\n'),
    copyData('3\n'),
    copyDone,
    sync,
    { type: 'query', text: Buffer.from('SELECT count(*) FROM ahead') },
  ])
  const answer = await client.answer(2)
  assert.equal(answer.types, '12GCZTDCZ')
  assert.deepEqual(answer.rows, [['3']])
  const copy = edge.recorder.requests().find(({ operation }) => operation === 'copy')
  assert.deepEqual([copy?.completion?.rows, copy?.completion?.bytes_in], [3, 6])
  assert.deepEqual(
    copy?.completion?.response_sha256,
    createHash('sha256').update('1\n2\n3\n').digest(),
  )
})

test('what comes after a failed COPY is ignored by the target and does not shift the answers', async (t) => {
  const { client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE shifted (n int)')
  await client.send([
    { type: 'query', text: Buffer.from('COPY shifted FROM STDIN') },
    copyData('1\n'),
    { type: 'copy-fail', reason: 'enough' },
    copyData('2\n'),
    { type: 'copy-done' },
    { type: 'query', text: Buffer.from('SELECT 7') },
  ])
  const answer = await client.answer(2)
  assert.deepEqual([answer.types, answer.errors, answer.rows], ['GEZTDCZ', ['57014'], [['7']]])
})

test('a long row of COPY data is relayed in parts and counted whole', async (t) => {
  const { edge, client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE wide (line text)')
  await client.send([{ type: 'query', text: Buffer.from('COPY wide FROM STDIN') }])
  const line = `${'z'.repeat(1_000_000)}\n`
  await client.send([copyData(line), { type: 'copy-done' }], 70_000)
  assert.equal((await client.answer()).types, 'GCZ')
  assert.deepEqual((await client.query('SELECT length(line) FROM wide')).rows, [['1000000']])
  assert.equal(edge.recorder.requests()[1]?.completion?.bytes_in, line.length)
})

test('COPY in that may call code of users goes on, also behind a Sync that the target ignores', async (t) => {
  const { client } = await aWire(t, server)
  await client.query('CREATE TEMP TABLE settles (n int)')
  await client.send([
    { type: 'query', text: Buffer.from('COPY settles FROM STDIN') },
    copyData('1\n'),
    copyDone,
  ])
  assert.equal((await client.answer()).types, 'GCZ')
  await client.send([parse('COPY settles FROM STDIN'), bind(), execute(), sync])
  await client.send([copyData('2\n'), copyDone, sync])
  assert.equal((await client.answer()).types, '12GCZ')
  assert.deepEqual((await client.query('SELECT n FROM settles ORDER BY n')).rows, [['1'], ['2']])
})
