/**
 * What a proxy in Node costs that does nothing: each chunk is written on as it came, with back-pressure. The floor under the edge.
 * Started by fork: the first message is the target's port, the answer its own.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

const [targetPort] = (await once(process, 'message')) as [number]

const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
  relay(client, target)
  relay(target, client)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ port: (server.address() as AddressInfo).port })
await once(process, 'disconnect')
server.close()
process.exit()

function relay(from: Socket, to: Socket): void {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
}
