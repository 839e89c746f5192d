import type { FastifyInstance } from 'fastify'

import { asyncApi } from '../../../schemas/asyncapi.ts'
import { sealedHeaders, topics } from '../../bus/topics.ts'

/** `GET /asyncapi.json`: the topics, as `GET /openapi.json` says the routes. */
export function asyncApiRoute(
  app: FastifyInstance,
  { version, publicUrl }: { readonly version: string; readonly publicUrl: string },
): void {
  const document = asyncApi({
    version,
    topics,
    sealedHeaders,
    registryUrl: publicUrl.replace(/\/$/, ''),
  })
  app.get('/asyncapi.json', { schema: { hide: true } }, () => document)
}
