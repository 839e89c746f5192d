import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import fastify from 'fastify'

import type { ActionAudit } from '../../../services/api/action-audit.ts'
import { answerProblems } from '../../../services/api/problem.ts'
import { sessionRoutes } from '../../../services/api/routes/sessions.ts'
import { QueryError } from '../../../services/indexer/query.ts'
import type { Query, QueryErrorCode } from '../../../services/indexer/query.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { anActor } from '../../support/an-event.ts'

const expected: readonly (readonly [QueryErrorCode, number])[] = [
  ['QUERY_BUSY', 503],
  ['QUERY_UNAVAILABLE', 503],
  ['QUERY_CURSOR_INVALID', 400],
]

for (const [code, status] of expected) {
  test(`whatever is asked of the index, ${code} is answered ${status} with its reason`, async (t) => {
    const app = fastify().setValidatorCompiler(TypeBoxValidatorCompiler)
    t.after(() => app.close())
    answerProblems(app, createLogger('silent'))
    app.decorateRequest('permitted', () => Promise.resolve(anActor()))
    const fail = () => Promise.reject(new QueryError(code, 'the reason'))
    await app.register(sessionRoutes, {
      query: {
        search: fail,
        sessions: fail,
        session: fail,
        statements: fail,
        activity: fail,
      } as Partial<Query> as Query,
      audit: {} as ActionAudit,
    })
    for (const path of ['search', 'sessions', 'sessions/x', 'sessions/x/statements', 'activity']) {
      const answer = await app.inject(`/v1/${path}`)
      assert.equal(answer.statusCode, status, path)
      assert.equal(answer.json<{ detail: string }>().detail, 'the reason')
    }
  })
}
