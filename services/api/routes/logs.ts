import type { FastifyPluginCallback } from 'fastify'

import { parseTilePath } from '../../ledger/proof/tile.ts'
import type { Tile } from '../../ledger/proof/tile.ts'
import type { LedgerReader } from '../../ledger/reader.ts'
import { Problem } from '../problem.ts'

/** What was once in a tile, partial or whole, never changes. */
const forever = 'public, max-age=31536000, immutable'

/**
 * Each log as C2SP tlog-tiles: `/logs/ORIGIN/checkpoint` and `/logs/ORIGIN/tile/…`, for monitors and witnesses that Affidavit did not
 * write. Nobody signs in: such programs cannot, and a leaf says nothing about a person (`schemas/leaf.ts`); payloads are not here.
 */
export const logRoutes: FastifyPluginCallback<{ readonly reader: LedgerReader }> = (
  app,
  { reader },
  done,
) => {
  app.get<{ Params: { '*': string } }>(
    '/logs/*',
    { schema: { summary: 'Checkpoints, tiles and entry bundles of the logs (C2SP tlog-tiles)' } },
    async ({ params }, reply) => {
      const { origin, file } = fileOf(params['*'])
      try {
        if (file === 'checkpoint') {
          const { checkpoint } = await reader.head(origin)
          return await reply
            .type('text/plain; charset=utf-8')
            .header('cache-control', 'no-cache')
            .send(checkpoint)
        }
        const bytes = await reader.tile(origin, file)
        return await reply
          .type('application/octet-stream')
          .header('cache-control', forever)
          .send(bytes)
      } catch (cause) {
        const code = (cause as { code?: unknown }).code
        if (code === 'LEDGER_LOG_UNKNOWN' || code === 'LEDGER_POSITION_UNKNOWN')
          throw new Problem('not-found', (cause as Error).message, { cause })
        throw cause
      }
    },
  )
  done()
}

/** An origin has slashes of its own, so it is what comes before the last part that can be a file of a log. */
function fileOf(path: string): { origin: string; file: 'checkpoint' | Tile } {
  const [, origin, file] = /^(.+)\/(checkpoint|tile\/.+)$/.exec(path) ?? []
  if (origin === undefined || file === undefined) throw noFile(path)
  if (file === 'checkpoint') return { origin, file }
  try {
    return { origin, file: parseTilePath(file) }
  } catch {
    throw noFile(path)
  }
}

function noFile(path: string): Problem {
  return new Problem('not-found', `/logs/${path} is neither ORIGIN/checkpoint nor ORIGIN/tile/…`)
}
