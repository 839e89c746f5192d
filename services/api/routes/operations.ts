import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'

import type { Health } from '../../runtime/health.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { IdentityView } from '../schemas/identity.ts'

export interface OperationRoutesOptions {
  readonly health: Health
  readonly metrics: Metrics
  readonly identity: {
    readonly issuer: string
    readonly audience: string
    readonly cliClientId: string
    readonly targets: readonly {
      readonly name: string
      readonly kind: string
      /** Null: the api's. */
      readonly audience: string | null
    }[]
  }
}

/** For who runs it, and for programs that want to sign in. Nothing here is secret or about anybody. */
export const operationRoutes: FastifyPluginCallbackTypebox<OperationRoutesOptions> = (
  app,
  { health, metrics, identity },
  done,
) => {
  app.get('/healthz', { schema: { summary: 'Health of every part' } }, (_request, reply) => {
    const read = health.read()
    return reply.code(read.state === 'failed' ? 503 : 200).send(read)
  })

  app.get('/metrics', { schema: { summary: 'Metrics for Prometheus' } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )

  app.get(
    '/v1/identity',
    {
      schema: {
        summary: 'Where to sign in, and the targets there are',
        response: { 200: IdentityView },
      },
    },
    () => ({
      issuer: identity.issuer,
      audience: identity.audience,
      cli_client_id: identity.cliClientId,
      targets: identity.targets.map(({ name, kind, audience }) => ({
        name,
        kind,
        audience: audience ?? identity.audience,
      })),
    }),
  )
  done()
}
