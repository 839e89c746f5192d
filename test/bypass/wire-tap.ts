import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Stands between a client and the edge and keeps every byte that the client is sent, whatever client it is. */
export interface WireTap extends AsyncDisposable {
  readonly port: number
  /** What was sent since the last time. */
  take(): Buffer
  /** Ends every connection at once, for a client that waits in vain. */
  cut(): void
}

export async function startTap(edgePort: number): Promise<WireTap> {
  let kept: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const edge = connect({ port: edgePort, host: '127.0.0.1', noDelay: true })
    for (const [one, other] of [
      [client, edge],
      [edge, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroySoon()
      })
    }
    edge.on('data', (chunk: Buffer) => {
      kept.push(chunk)
      client.write(chunk)
    })
    edge.on('end', () => client.end())
    client.pipe(edge)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const bytes = Buffer.concat(kept)
      kept = []
      return bytes
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
