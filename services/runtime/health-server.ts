import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'

import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

export interface HealthServerOptions {
  readonly host: string
  readonly port: number
  readonly health: Health
  readonly metrics: Metrics
}

/** `/healthz` (200, or 503 when a part has failed) and `/metrics` (Prometheus) of a process that answers nothing else. */
export class HealthServer implements AsyncDisposable {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start({ host, port, health, metrics }: HealthServerOptions): Promise<HealthServer> {
    const server = createServer((request, response) => {
      void answer(request.url ?? '', response, health, metrics)
    })
    server.listen(port, host)
    await once(server, 'listening').catch((cause: unknown) => {
      throw new Error(
        `the port ${port} of ${host} for health cannot be taken; set edge.health_port to another one`,
        { cause },
      )
    })
    return new HealthServer(server)
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

async function answer(
  url: string,
  response: ServerResponse,
  health: Health,
  metrics: Metrics,
): Promise<void> {
  if (url === '/healthz') {
    const read = health.read()
    response.writeHead(read.state === 'failed' ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(read))
  } else if (url === '/metrics') {
    const text = await metrics.text()
    response.writeHead(200, { 'content-type': metrics.contentType })
    response.end(text)
  } else {
    response.writeHead(404, { 'content-type': 'text/plain' })
    response.end('Here are /healthz and /metrics.\n')
  }
}
