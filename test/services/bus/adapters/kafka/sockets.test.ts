import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { Sockets } from '../../../../../services/bus/adapters/kafka/sockets.ts'

test('a severed client hears of the end of each of its connections, and makes no other', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = new Sockets()
  const connected = Promise.withResolvers<undefined>()
  const args = { host: '127.0.0.1', port, onConnect: () => connected.resolve(undefined) }
  const socket = sockets.connect(args as unknown as Parameters<Sockets['connect']>[0])
  await connected.promise
  let ends = 0
  socket.on('end', () => (ends += 1))
  const closed = once(socket, 'close')
  sockets.sever()
  assert.equal(ends, 1)
  await closed
  assert.equal(ends, 1)
  assert.throws(() => sockets.connect(args as unknown as Parameters<Sockets['connect']>[0]), {
    message: 'the client is closed',
  })
})
