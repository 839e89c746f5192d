import { startRelay } from '../support/relay.ts'
import type { Relay } from '../support/relay.ts'

/** Stands between a client and the edge and keeps every byte that the client is sent, whatever client it is. */
export interface WireTap extends Relay {
  /** What was sent since the last time. */
  take(): Buffer
}

export async function startTap(edgePort: number): Promise<WireTap> {
  let kept: Buffer[] = []
  const relay = await startRelay({ host: '127.0.0.1', port: edgePort }, (client, edge) => {
    edge.on('data', (chunk: Buffer) => {
      kept.push(chunk)
      client.write(chunk)
    })
    edge.on('end', () => client.end())
  })
  return Object.assign(relay, {
    take() {
      const bytes = Buffer.concat(kept)
      kept = []
      return bytes
    },
  })
}
