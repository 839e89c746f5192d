import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'

import { withoutLateUnref } from '../../../../../services/bus/adapters/kafka/socket-unref-fix.ts'

test('a socket that was refused takes any number of unrefs without a listener for each', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const socket = withoutLateUnref(connect({ host: '127.0.0.1', port }))
  await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' })
  if (!socket.closed) await once(socket, 'close')
  const before = socket.listenerCount('connect')
  for (let times = 0; times < 12; times += 1) assert.equal(socket.unref(), socket)
  assert.equal(socket.listenerCount('connect'), before)
})
