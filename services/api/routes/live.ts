import type { FastifyInstance } from 'fastify'

import type { Query } from '../../indexer/query.ts'
import { Problem } from '../problem.ts'

export interface LiveRoutesOptions {
  readonly query: Query
  /** Aborts when the api stops. */
  readonly signal: AbortSignal
}

const mostListeners = 100
const lookMs = 500
const keepAliveMs = 15_000

/**
 * `GET /v1/live`: server-sent events that say how far the index has come, whenever it has come further. A page that listens asks
 * again for what it shows; nothing is queued for one that reads slowly. It ends with the sign-in or the token it was asked with.
 */
export function liveRoutes(app: FastifyInstance, options: LiveRoutesOptions): void {
  let listeners = 0

  app.get(
    '/v1/live',
    // A HEAD would wait for an end that does not come.
    {
      exposeHeadRoute: false,
      schema: { summary: 'Server-sent events: the index has come further' },
    },
    async (request, reply) => {
      await request.permitted('read_evidence')
      const { isCurrent } = await request.caller()
      if (listeners >= mostListeners)
        throw new Problem('too-many', `${mostListeners} pages listen already`)
      reply.hijack()
      const response = reply.raw
      // Gone while it was asked who listens: its 'close' will not come again.
      if (response.destroyed) return
      listeners += 1
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        connection: 'keep-alive',
      })
      let told = ''
      let isWriting = false
      const look = async (): Promise<void> => {
        if (!isCurrent()) return stop()
        if (isWriting || response.writableNeedDrain) return
        isWriting = true
        try {
          const progress = JSON.stringify(await options.query.progress())
          if (progress !== told) response.write(`event: progress\ndata: ${progress}\n\n`)
          told = progress
        } finally {
          isWriting = false
        }
      }
      const looking = setInterval(() => void look().catch(stop), lookMs)
      const keepingAlive = setInterval(() => response.write(': still here\n\n'), keepAliveMs)
      function stop(): void {
        clearInterval(looking)
        clearInterval(keepingAlive)
        options.signal.removeEventListener('abort', stop)
        response.end()
      }
      options.signal.addEventListener('abort', stop)
      response.on('close', () => {
        listeners -= 1
        stop()
      })
    },
  )
}
