import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { Page, Query, SearchFilter } from '../../indexer/query.ts'
import type { ActionAudit } from '../action-audit.ts'
import { searched, viewed } from '../evidence-use.ts'
import { Problem } from '../problem.ts'
import {
  Activity,
  ActivityQuery,
  FilterQuery,
  HitPage,
  PageQuery,
  SessionPage,
  SessionView,
  StatementPage,
} from '../schemas/sessions.ts'

export interface SessionRoutesOptions {
  readonly query: Query
  readonly audit: ActionAudit
}

/** What the index knows: searches, sessions and their statements. Each look is recorded before it is answered. */
export const sessionRoutes: FastifyPluginCallbackTypebox<SessionRoutesOptions> = (
  app,
  options,
  done,
) => {
  const { query, audit } = options

  // A condition that is blank, as forms send it, is none. For a number it would be 0.
  app.addHook('preValidation', (request, _reply, next) => {
    const asked = request.query as Record<string, unknown>
    for (const [name, value] of Object.entries(asked)) if (value === '') delete asked[name]
    next()
  })

  app.get(
    '/v1/search',
    {
      schema: {
        summary: 'Events and statements, newest first',
        querystring: FilterQuery,
        response: { 200: HitPage },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const { filter, page } = split(request.query)
      const result = await query.search(filter, page)
      await audit.record(request, actor, searched('search', filter, result.hits.length))
      return {
        ...result,
        hits: result.hits.map((hit) => ({
          ...hit,
          onBehalfOf: [...hit.onBehalfOf],
          ruleIds: [...hit.ruleIds],
          decidedFirst: hit.decidedFirst && {
            ...hit.decidedFirst,
            ruleIds: [...hit.decidedFirst.ruleIds],
          },
          transaction: hit.transaction && { ...hit.transaction },
          masked: hit.masked && [...hit.masked],
        })),
      }
    },
  )

  app.get(
    '/v1/sessions',
    {
      schema: {
        summary: 'Sessions, newest first',
        querystring: FilterQuery,
        response: { 200: SessionPage },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const { filter, page } = split(request.query)
      const result = await query.sessions(filter, page)
      await audit.record(request, actor, searched('session', filter, result.sessions.length))
      return structuredClone(result) as Static<typeof SessionPage>
    },
  )

  const OneSession = Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) })

  app.get(
    '/v1/sessions/:id',
    { schema: { summary: 'One session', params: OneSession, response: { 200: SessionView } } },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const session = await query.session(request.params.id)
      if (session === null)
        throw new Problem('not-found', `no session has the id ${request.params.id}`)
      await audit.record(request, actor, viewed('session', session.sessionId))
      return structuredClone(session) as Static<typeof SessionView>
    },
  )

  app.get(
    '/v1/sessions/:id/statements',
    {
      schema: {
        summary: 'The statements of a session, in order',
        params: OneSession,
        querystring: PageQuery,
        response: { 200: StatementPage },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const result = await query.statements(request.params.id, split(request.query).page)
      await audit.record(
        request,
        actor,
        viewed('session', request.params.id, {
          query: 'statements',
          results: result.statements.length,
        }),
      )
      return structuredClone(result) as Static<typeof StatementPage>
    },
  )

  app.get(
    '/v1/activity',
    {
      schema: {
        summary: 'Statements per hour',
        querystring: ActivityQuery,
        response: { 200: Activity },
      },
    },
    async (request) => {
      await request.permitted('read_evidence')
      return { buckets: [...(await query.activity(request.query))] }
    },
  )
  done()
}

function split(question: Static<typeof FilterQuery>): { filter: SearchFilter; page: Page } {
  const { limit, after, ...filter } = question
  return {
    filter,
    page: { ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) },
  }
}
