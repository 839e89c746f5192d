import { existsSync } from 'node:fs'
import { join } from 'node:path'

import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import serveStatic from '@fastify/static'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Configuration as OidcConfiguration } from 'openid-client'

import type { Recorder } from '../edge/capture/recorder.ts'
import { tokenIssuer } from '../edge/guard/identity/token-issuer.ts'
import { TokenVerifier } from '../edge/guard/identity/tokens.ts'
import type { Query } from '../indexer/query.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { Reports } from '../reporter/report.ts'
import type { Clock } from '../runtime/clock.ts'
import type { PrincipalRule, RoleGroups, TokenLimits } from '../runtime/config.ts'
import type { Health } from '../runtime/health.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { ActionAudit } from './action-audit.ts'
import { identifyCallers, refuseCrossSite } from './caller.ts'
import type { ControlPublisher } from './control/control-publisher.ts'
import type { ControlState } from './control/control-state.ts'
import { answerProblems, answerUnroutable } from './problem.ts'
import { asyncApiRoute } from './routes/asyncapi.ts'
import { ApprovalDesk } from './approvals/approval-desk.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { authRoutes } from './routes/auth.ts'
import { credentialRoutes } from './routes/credentials.ts'
import type { ConnectTarget } from './routes/credentials.ts'
import { entryRoutes } from './routes/entries.ts'
import { lockoutRoutes } from './routes/lockouts.ts'
import { liveRoutes } from './routes/live.ts'
import { logRoutes } from './routes/logs.ts'
import { operationRoutes } from './routes/operations.ts'
import { overrideRoutes } from './routes/overrides.ts'
import { registryRoutes } from './routes/registry.ts'
import { reportRoutes } from './routes/reports.ts'
import { sessionApprovalRoutes } from './routes/session-approvals.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { SignIns } from './sign-ins.ts'
import { schemaCompiler } from './validation.ts'

export interface ApiOptions {
  readonly tenant: string
  readonly publicUrl: string
  readonly version: string
  readonly identity: {
    readonly issuer: OidcConfiguration
    readonly audience: string
    readonly groupsClaim: string
    readonly nameClaim: string
    readonly agents: readonly PrincipalRule[]
    readonly services: readonly PrincipalRule[]
    readonly tokens: TokenLimits
    readonly roles: RoleGroups
    readonly cliClientId: string
  }
  readonly targets: readonly ConnectTarget[]
  readonly edgeCertificatePem: string
  readonly sessionPasswordMs: number
  readonly query: Query
  readonly reader: LedgerReader
  readonly reports: Reports
  readonly recorder: Recorder
  readonly publisher: ControlPublisher
  readonly control: ControlState
  /** Resolves when it is known which tokens edges took as passwords before the start. */
  readonly tokensAtEdges: Promise<void>
  readonly health: Health
  readonly metrics: Metrics
  /** Where the build of the console lies. */
  readonly consoleDirectory: string
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** The api, ready to listen or to be tested by `inject`. */
export async function buildApi(options: ApiOptions): Promise<FastifyInstance> {
  const { identity, clock } = options
  const app = fastify({ logger: false, bodyLimit: 1_048_576, frameworkErrors: answerUnroutable })
    .setValidatorCompiler(schemaCompiler)
    .withTypeProvider<TypeBoxTypeProvider>()
  answerProblems(app, options.logger)
  await app.register(cookie)
  await app.register(rateLimit, { max: 1_200, timeWindow: 60_000 })
  await app.register(helmet, { contentSecurityPolicy: { directives: contentSecurity(options) } })
  await app.register(swagger, {
    openapi: {
      info: { title: 'Affidavit', version: options.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  })

  const { groupsClaim, nameClaim, agents, services } = identity
  const mapping = { groupsClaim, nameClaim, agents, services }
  const issuer = tokenIssuer(identity.issuer.serverMetadata())
  const tokens = new TokenVerifier(
    { ...mapping, ...identity.tokens, audience: identity.audience },
    () => Promise.resolve(issuer),
    clock,
  )
  const signIns = new SignIns(clock)
  const audit = new ActionAudit(options.recorder, options.tenant)
  refuseCrossSite(app, options.publicUrl)
  identifyCallers(app, {
    signIns,
    tokens,
    roles: identity.roles,
    lockouts: options.control.lockouts,
    audit,
    clock,
  })

  authRoutes(app, {
    issuer: identity.issuer,
    mapping,
    roles: identity.roles,
    publicUrl: options.publicUrl,
    signIns,
    audit,
    clock,
  })
  await app.register(credentialRoutes, {
    targets: options.targets,
    edgeCertificatePem: options.edgeCertificatePem,
    longestMs: options.sessionPasswordMs,
    isSingleUse: identity.tokens.isSingleUse,
    publisher: options.publisher,
    control: options.control,
    tokensAtEdges: options.tokensAtEdges,
    audit,
    clock,
  })
  await app.register(lockoutRoutes, {
    targets: options.targets,
    issuer: issuer.issuer,
    publisher: options.publisher,
    lockouts: options.control.lockouts,
    audit,
  })
  const desk = new ApprovalDesk({
    query: options.query,
    reader: options.reader,
    clock,
    roles: identity.roles,
    publisher: options.publisher,
    overrides: options.control.overrides,
    audit,
    logger: options.logger,
  })
  app.addHook('onReady', (ready) => {
    desk.start()
    ready()
  })
  app.addHook('onClose', () => desk[Symbol.asyncDispose]())
  await app.register(approvalRoutes, { desk, roles: identity.roles, audit })
  await app.register(overrideRoutes, { desk, roles: identity.roles })
  await app.register(sessionRoutes, { query: options.query, audit })
  await app.register(sessionApprovalRoutes, {
    query: options.query,
    reader: options.reader,
    audit,
  })
  await app.register(entryRoutes, { reader: options.reader, audit })
  await app.register(logRoutes, { reader: options.reader })
  await app.register(reportRoutes, { reports: options.reports, audit })
  await app.register(operationRoutes, {
    health: options.health,
    metrics: options.metrics,
    identity: {
      issuer: issuer.issuer,
      audience: identity.audience,
      cliClientId: identity.cliClientId,
      targets: options.targets,
    },
  })
  liveRoutes(app, { query: options.query, signal: options.signal })
  await app.register(registryRoutes)
  asyncApiRoute(app, options)
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await serveConsole(app, options.consoleDirectory)
  return app
}

function contentSecurity(options: ApiOptions): Record<string, string[] | null> {
  return {
    'default-src': ["'self'"],
    // The component library sets styles of elements.
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'connect-src': ["'self'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
    'upgrade-insecure-requests': options.publicUrl.startsWith('https://') ? [] : null,
  }
}

/** The console is one page that makes its own paths; what no file and no route answers is that page. */
async function serveConsole(app: FastifyInstance, directory: string): Promise<void> {
  if (!existsSync(join(directory, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply
        .type('text/plain; charset=utf-8')
        .send('The console is not built. Run: npm run build\n'),
    )
    return
  }
  await app.register(serveStatic, { root: directory, wildcard: false })
  for (const path of [
    '/sessions',
    '/sessions/*',
    '/search',
    '/approvals',
    '/approvals/*',
    '/lockouts',
    '/reports',
    '/reports/*',
  ]) {
    app.get(path, { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'))
  }
  // Who goes astray in a browser reads so on a page, and not in JSON.
  app.get('/*', { schema: { hide: true } }, (request, reply) => {
    const isPage = request.headers.accept?.includes('text/html') === true
    if (!isPage) return reply.callNotFound()
    return reply.code(404).sendFile('index.html')
  })
}
