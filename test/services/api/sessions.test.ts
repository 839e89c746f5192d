import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'

import type { ActionAudit } from '../../../services/api/action-audit.ts'
import { answerProblems, answerUnroutable } from '../../../services/api/problem.ts'
import { sessionRoutes } from '../../../services/api/routes/sessions.ts'
import { schemaCompiler } from '../../../services/api/validation.ts'
import { QueryError } from '../../../services/indexer/query.ts'
import type { Query, QueryErrorCode } from '../../../services/indexer/query.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { anActor } from '../../support/an-event.ts'

const expected: readonly (readonly [QueryErrorCode, number])[] = [
  ['QUERY_BUSY', 503],
  ['QUERY_UNAVAILABLE', 503],
  ['QUERY_CURSOR_INVALID', 400],
]

async function anApi(t: TestContext, query: Partial<Query>): Promise<FastifyInstance> {
  const app = fastify({ frameworkErrors: answerUnroutable }).setValidatorCompiler(schemaCompiler)
  t.after(() => app.close())
  answerProblems(app, createLogger('silent'))
  app.decorateRequest('permitted', () => Promise.resolve(anActor()))
  await app.register(sessionRoutes, {
    query: query as Query,
    audit: { record: () => Promise.resolve() } as Partial<ActionAudit> as ActionAudit,
  })
  return app
}

async function detailOf(app: FastifyInstance, path: string): Promise<string> {
  const answer = await app.inject(path)
  assert.equal(answer.statusCode, 400, path)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  return answer.json<{ detail: string }>().detail
}

for (const [code, status] of expected) {
  test(`whatever is asked of the index, ${code} is answered ${status} with its reason`, async (t) => {
    const fail = () => Promise.reject(new QueryError(code, 'the reason'))
    const app = await anApi(t, {
      search: fail,
      sessions: fail,
      session: fail,
      statements: fail,
      activity: fail,
    })
    for (const path of ['search', 'sessions', 'sessions/x', 'sessions/x/statements', 'activity']) {
      const answer = await app.inject(`/v1/${path}`)
      assert.equal(answer.statusCode, status, path)
      assert.equal(answer.json<{ detail: string }>().detail, 'the reason')
    }
  })
}

test('a condition that is misspelt is refused, and not taken for none', async (t) => {
  const app = await anApi(t, {})
  const [misspelt, asked] = ['decison=block', 'querystring: nothing is called decison here']
  assert.equal(await detailOf(app, `/v1/search?${misspelt}`), asked)
  assert.equal(await detailOf(app, `/v1/sessions?target=shop&${misspelt}`), asked)
  assert.equal(await detailOf(app, `/v1/sessions/x/statements?${misspelt}`), asked)
  assert.equal(await detailOf(app, `/v1/activity?${misspelt}`), asked)
  assert.match(await detailOf(app, '/v1/search?decision=no'), /: allow, block, hold, mask$/)
})

test('a condition that is blank is none, also where it would be a number', async (t) => {
  const asked: unknown[] = []
  const app = await anApi(t, {
    search(filter, page) {
      asked.push(filter, page)
      return Promise.resolve({ hits: [], next: null })
    },
  })
  const answer = await app.inject('/v1/search?text=drop&actor=&from=&to=&limit=&after=')
  assert.equal(answer.statusCode, 200)
  assert.deepEqual(asked, [{ text: 'drop' }, {}])
})

test('an address that cannot be read is answered as every other mistake', async (t) => {
  const app = await anApi(t, {})
  assert.match(await detailOf(app, '/v1/sessions/%ZZ'), /is not a valid url component/)
  assert.match(await detailOf(app, `/v1/sessions/${'x'.repeat(101)}`), /max param length/)
})

test('what is to be a whole number and is none is refused, and not cut to one', async (t) => {
  const app = await anApi(t, { search: () => Promise.resolve({ hits: [], next: null }) })
  for (const limit of ['2.7', 'true', '0x10', '1e2', '99999999999999999999', '2,3']) {
    assert.equal(
      await detailOf(app, `/v1/search?limit=${limit}`),
      `querystring/limit must be integer, and is ${limit}`,
    )
  }
  assert.equal(
    await detailOf(app, '/v1/search?limit=0'),
    'querystring/limit must be >= 1, and is 0',
  )
  assert.match(await detailOf(app, '/v1/activity?from=yesterday'), /from must be number, and is y/)
  const good = await app.inject('/v1/search?limit=20&from=1764000000000.5')
  assert.equal(good.statusCode, 200)
})
