import { startRelay } from '../support/relay.ts'
import type { Relay } from '../support/relay.ts'

/** A message of the target, header included. */
export type Rewrite = (type: string, message: Buffer) => Buffer

/** Stands between the edge and a real target, reads what the target says and may say something else. */
export interface LyingTarget extends Relay {
  /** What the target itself gave to cancel by, of the last session: pid and secret, as in BackendKeyData. */
  readonly cancelKey: Buffer
  /** From the next message on. */
  rewrite: Rewrite
}

const headerBytes = 5

export async function startLyingTarget(host: string, port: number): Promise<LyingTarget> {
  const lying = {
    cancelKey: Buffer.alloc(0),
    rewrite: ((_type, message) => message) as Rewrite,
  }
  const relay = await startRelay({ host, port }, (edge, target) => {
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
  return Object.assign(lying, relay)
}
