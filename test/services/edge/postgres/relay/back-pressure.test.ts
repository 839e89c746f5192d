import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { encodeFrontend } from '../../../../../services/edge/postgres/protocol/frontend.ts'
import { directClient, startTarget, untilTarget } from '../edge-fixture.ts'
import { aWire, copyData, copyDone } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'

let server: EmbeddedPostgres

before(async () => {
  server = await startTarget()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('a client that does not read stops the target, not the edge', async (t) => {
  const { edge, client } = await aWire(t, server)
  const before = process.memoryUsage().external
  client.socket.pause()
  await client.send([
    {
      type: 'query',
      text: Buffer.from("SELECT repeat('x', 5000) FROM generate_series(1, 10000)"),
    },
  ])
  // The target says itself that it waits for us, and goes on saying it.
  for (let seen = 0; seen < 20; seen++) {
    await untilTarget(server, "state = 'active' AND wait_event = 'ClientWrite'")
    await delay(10)
  }
  assert.ok(process.memoryUsage().external - before < 25_000_000, 'half of the result at the most')
  client.socket.resume()
  const answer = await client.answer()
  assert.equal(answer.rows.length, 10_000)
  assert.equal(edge.recorder.requests()[0]?.completion?.rows, 10_000)
})

test('a target that does not read stops the client, not the edge', async (t) => {
  const { edge, client } = await aWire(t, server)
  const direct = await directClient(server)
  t.after(() => direct.end())
  await direct.query('CREATE TABLE blocked (line text)')
  await client.query('SELECT 1')
  await direct.query('BEGIN; LOCK TABLE blocked')
  await client.send([{ type: 'query', text: Buffer.from('COPY blocked FROM STDIN') }])
  await edge.recorder.until('request.received', 2)
  const line = frameOf(copyData(`${'y'.repeat(1_000)}\n`))
  const block = Buffer.concat(Array<Buffer>(10_000).fill(line))
  for (let sent = 0; sent < 8; sent++) client.socket.write(block)
  await untilTarget(server, "wait_event_type = 'Lock'")
  let waiting = 0
  while (client.socket.writableLength !== waiting) {
    waiting = client.socket.writableLength
    await delay(100)
  }
  // Half of it and more is still with the client: nobody behind it took more than the system's buffers of two connections hold, which
  // grow by its own rules.
  assert.ok(waiting >= 4 * block.length, `${waiting} bytes wait`)
  await direct.query('COMMIT')
  await client.send([copyDone])
  assert.equal((await client.answer()).types, 'GCZ')
  const copied = edge.recorder.requests()[1]?.completion
  assert.deepEqual([copied?.rows, copied?.bytes_in], [80_000, 80_000 * 1_001])
  await direct.query('DROP TABLE blocked')
})

function frameOf(message: Parameters<RawClient['send']>[0][number]): Buffer {
  return Buffer.isBuffer(message) ? message : encodeFrontend(message)
}
