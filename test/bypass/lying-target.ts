import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A message of the target, header included. */
export type Rewrite = (type: string, message: Buffer) => Buffer

/** Stands between the edge and a real target, reads what the target says and may say something else. */
export interface LyingTarget extends AsyncDisposable {
  readonly port: number
  /** What the target itself gave to cancel by, of the last session: pid and secret, as in BackendKeyData. */
  readonly cancelKey: Buffer
  /** From the next message on. */
  rewrite: Rewrite
}

const headerBytes = 5

export async function startLyingTarget(host: string, port: number): Promise<LyingTarget> {
  const sockets = new Set<Socket>()
  const lying = {
    cancelKey: Buffer.alloc(0),
    rewrite: ((_type, message) => message) as Rewrite,
  }
  const server = createServer({ noDelay: true }, (edge) => {
    const target = connect({ port, host, noDelay: true })
    for (const [one, other] of [
      [edge, target],
      [target, edge],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroySoon()
      })
    }
    edge.pipe(target)
    let rest: Buffer = Buffer.alloc(0)
    target.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= headerBytes) {
        const end = 1 + rest.readUInt32BE(1)
        if (rest.length < end) return
        const message = rest.subarray(0, end)
        rest = rest.subarray(end)
        const type = String.fromCharCode(message[0] ?? 0)
        if (type === 'K') lying.cancelKey = Buffer.from(message.subarray(headerBytes))
        if (!edge.destroyed) edge.write(lying.rewrite(type, message))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(lying, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
}
