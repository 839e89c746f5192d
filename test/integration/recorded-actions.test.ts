import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { walkPages } from '../../services/all-in-one/demo/sign-in.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

type Asked = readonly [as: string, path: string, body?: object]

/**
 * Every route of the api: the event by which a call of it is recorded, and such a call; or why none is needed. A route that is not
 * here fails the first test.
 */
const routes: Readonly<Record<string, readonly [event: string, asked: Asked] | string>> = {
  'GET /healthz': 'the state of the parts, for who runs them',
  'GET /metrics': 'counts, for who runs the parts',
  'GET /v1/identity': 'public',
  'GET /logs/{*}': 'public: for monitors without an account',
  'GET /v1/me': 'shows the caller to itself',
  'GET /v1/logs': 'the heads of the logs, which are public',
  'GET /v1/live': 'says that there is something new, not what',
  'GET /v1/activity': 'counts; open pages ask for them all the time',
  'GET /v1/approvals': 'open pages ask for it every two seconds; looking at one is recorded',
  'GET /v1/reports': 'names of reports; open pages ask for it all the time',
  'GET /v1/reports/{id}': 'how far a report is; its download is recorded',
  'GET /v1/reports/{id}/download':
    'report.downloaded; needs a finished report, which takes too long here',
  'GET /v1/results': 'evidence.viewed; needs a recorded result',
  'GET /v1/entries/{position}/proof': 'hashes, of what is looked at by itself',
  'GET /v1/approvals/{id}': 'needs a held request: see approvals.test.ts',
  'POST /v1/approvals/{id}/answers': 'needs a held request: see approvals.test.ts',
  'POST /v1/approvals/{id}/override': 'needs a held request: see break-glass.test.ts',
  'POST /v1/overrides/{id}/review': 'needs an override: see break-glass.test.ts',
  'GET /v1/overrides': 'open pages ask for it every two seconds',
  'DELETE /v1/credentials/{id}': 'needs a session password: see api.test.ts',
  'GET /v1/search': ['evidence.searched', ['sam', '/v1/search?text=revenue']],
  'GET /v1/sessions': ['evidence.searched', ['sam', '/v1/sessions']],
  'GET /v1/sessions/{id}': ['evidence.viewed', ['sam', '/v1/sessions/SESSION']],
  'GET /v1/sessions/{id}/statements': [
    'evidence.viewed',
    ['sam', '/v1/sessions/SESSION/statements'],
  ],
  'GET /v1/sessions/{id}/approvals': ['evidence.viewed', ['sam', '/v1/sessions/SESSION/approvals']],
  'GET /v1/entries/{position}': ['evidence.viewed', ['sam', '/v1/entries/0?log=LOG']],
  'GET /v1/lockouts': ['evidence.viewed', ['sam', '/v1/lockouts']],
  'POST /v1/lockouts': [
    'access.revoked',
    ['sam', '/v1/lockouts', { subject: 'actor', name: 'nobody', reason: 'why' }],
  ],
  'POST /v1/lockouts/lift': [
    'access.granted',
    ['sam', '/v1/lockouts/lift', { subject: 'actor', name: 'nobody', reason: 'why not' }],
  ],
  'POST /v1/credentials': ['credential.issued', ['olivia', '/v1/credentials', { target: 'shop' }]],
  'POST /v1/reports': ['evidence.searched', ['ada', '/v1/reports', { control: 'au-2' }]],
}

suite('what people do here is recorded', () => {
  let stack: DemoStack
  let api: string
  let headers: Readonly<Record<string, Record<string, string>>>
  let sessionId: string
  let log: string
  before(async () => {
    stack = await demoStack()
    const { demo } = stack
    api = demo.product.address
    await demo.runAgent()
    sessionId = await eventually('a session in the index', async () => {
      const { sessions } = await demo.product.query.sessions({}, {})
      return sessions[0]?.sessionId ?? null
    })
    log = encodeURIComponent((await demo.product.reader.logs())[0]?.origin ?? '')
    const signedIn = async (name: string) => {
      const { accessToken } = await demo.tokenOf(name)
      return [name, { authorization: `Bearer ${accessToken}` }] as const
    }
    headers = Object.fromEntries(await Promise.all(['sam', 'olivia', 'ada'].map(signedIn)))
  })
  after(() => stack[Symbol.asyncDispose]())

  const call = ([as, path, body]: Asked, method: string): Promise<Response> =>
    fetch(new URL(path.replace('SESSION', sessionId).replace('LOG', log), api), {
      method,
      headers: {
        ...headers[as],
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  test('every route says by which event its calls are recorded, or why by none', async () => {
    const { paths } = (await (await fetch(new URL('/openapi.json', api))).json()) as {
      paths: Record<string, Record<string, unknown>>
    }
    const there = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    // The schema registry is public, and changes nothing.
    const registry = /^(GET|POST) \/(subjects|schemas|config|mode|compatibility)(\/|$)/
    assert.deepEqual(
      there.filter((route) => routes[route] === undefined && !registry.test(route)),
      [],
    )
    assert.deepEqual(
      Object.keys(routes).filter((route) => !there.includes(route)),
      [],
    )
  })

  for (const [route, row] of Object.entries(routes)) {
    if (typeof row === 'string') continue
    const [event, asked] = row
    test(`${route} is recorded as ${event}`, async () => {
      const { query } = stack.demo.product
      const found = async () =>
        (await query.search({ kind: event, actor: asked[0] }, { limit: 200 })).hits
      const before = (await found()).length
      const answer = await call(asked, route.split(' ')[0] ?? '')
      assert.ok(answer.ok, await answer.text())
      await eventually(`${event} by ${asked[0]}`, async () =>
        (await found()).length > before ? true : null,
      )
    })
  }

  test('signing in to the console and out of it are recorded', async () => {
    const { demo } = stack
    const begun = await fetch(new URL('/auth/login', api), { redirect: 'manual' })
    const cookies = (response: Response): string =>
      response.headers
        .getSetCookie()
        .map((each) => each.split(';')[0])
        .join('; ')
    const answer = await walkPages(new URL(begun.headers.get('location') ?? ''), {
      username: 'nia',
      password: demo.issuer.accounts.find(({ username }) => username === 'nia')?.password ?? '',
      redirectUri: `${api}/auth/callback`,
    })
    const signedIn = await fetch(answer, {
      headers: { cookie: cookies(begun) },
      redirect: 'manual',
    })
    const out = await fetch(new URL('/auth/logout', api), {
      method: 'POST',
      headers: { cookie: cookies(signedIn), origin: api },
    })
    assert.equal(out.status, 204)
    for (const kind of ['auth.succeeded', 'access.revoked']) {
      await eventually(`${kind} by nia`, async () => {
        const { hits } = await demo.product.query.search({ kind, actor: 'nia' })
        return hits[0] ?? null
      })
    }
  })
})
