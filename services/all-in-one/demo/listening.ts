import { once } from 'node:events'
import type { Server } from 'node:net'
import { DemoError } from './demo-error.ts'

/** Resolves when it listens; `DEMO_PORT_IN_USE` where somebody else does. */
export async function listening(server: Server, port: number, host: string): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    throw new DemoError(
      'DEMO_PORT_IN_USE',
      `port ${port} on ${host} is in use: stop what listens there, or choose another with --port-base`,
      { cause },
    )
  }
}
