import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { directClient, startTarget } from './edge-fixture.ts'
import type { RawClient } from './raw-client.ts'
import { aWire, bind, copyData, execute, parse, sync } from './raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
  const owner = await directClient(server)
  await owner.query('CREATE TABLE left_behind (n int)')
  await owner.end()
})
after(() => server[Symbol.asyncDispose]())

const ways = {
  terminate: (client: RawClient) => client.send([{ type: 'terminate' }]),
  end: (client: RawClient) => Promise.resolve(client.socket.end()),
  destroy: (client: RawClient) => Promise.resolve(client.socket.destroySoon()),
} as const

for (const durability of ['batched', 'strict'] as const) {
  for (const [way, leave] of Object.entries(ways)) {
    test(`what a client sends before it leaves runs, and its outcome is recorded (${way}, ${durability})`, async (t) => {
      const { client, edge } = await aWire(t, server, {}, { target: { durability } })
      await client.send([
        {
          type: 'query',
          text: Buffer.from("SELECT repeat('x', 1000) FROM generate_series(1, 2000)"),
        },
        { type: 'query', text: Buffer.from('SELECT 1 -- settles') },
        parse('INSERT INTO left_behind SELECT 1 FROM pg_sleep(0.1) RETURNING n'),
        bind(),
        execute(),
        sync,
      ])
      await leave(client)
      await edge.recorder.until('session.ended')
      assert.deepEqual(
        edge.recorder.requests().map(({ completion }) => completion?.outcome),
        ['ok', 'ok', 'ok'],
      )
      assert.equal(edge.recorder.of('session.ended')[0]?.session?.outcome, 'closed')
    })
  }
}

test('a COPY whose data will not come ends with its client', async (t) => {
  const { client, edge } = await aWire(t, server)
  await client.send([
    { type: 'query', text: Buffer.from('COPY left_behind FROM STDIN') },
    copyData('1\n'),
  ])
  for await (const { type } of client.packets()) if (type === 0x47) break
  const leftMs = performance.now()
  client.socket.destroy()
  await edge.recorder.until('session.ended')
  assert.ok(performance.now() - leftMs < 1_500)
  assert.equal(edge.recorder.requests()[0]?.completion?.outcome, 'unknown')
})
