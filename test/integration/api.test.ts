import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client, DatabaseError } from 'pg'

import { walkPages } from '../../services/all-in-one/demo/sign-in.ts'
import type { DemoSession } from '../../services/all-in-one/demo/demo-access.ts'
import type { Demo } from '../../services/all-in-one/demo/demo.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

suite('the api on the whole product', () => {
  let stack: DemoStack
  let demo: Demo
  let api: string
  before(async () => {
    stack = await demoStack()
    demo = stack.demo
    api = demo.product.address
    await demo.runAgent()
  })
  after(() => stack[Symbol.asyncDispose]())

  const bearer = async (username: string): Promise<Record<string, string>> => ({
    authorization: `Bearer ${(await demo.tokenOf(username)).accessToken}`,
  })
  const get = async (path: string, headers: Record<string, string>): Promise<Response> =>
    fetch(new URL(path, api), { headers, redirect: 'manual' })

  test('a person signs in to the console through the issuer, and out again', async () => {
    const begun = await get('/auth/login?return=/reports', {})
    assert.equal(begun.status, 302)
    const login = cookieOf(begun, 'affidavit_login')
    const account = demo.issuer.accounts.find(({ username }) => username === 'sam')
    assert.ok(account)
    const answer = await walkPages(new URL(begun.headers.get('location') ?? ''), {
      username: 'sam',
      password: account.password,
      redirectUri: `${api}/auth/callback`,
    })
    const finished = await get(`${answer.pathname}${answer.search}`, { cookie: login })
    assert.equal(finished.status, 302)
    assert.equal(finished.headers.get('location'), '/reports')
    const cookie = cookieOf(finished, 'affidavit_sign_in')
    const me = (await (await get('/v1/me', { cookie })).json()) as {
      subject: string
      groups: string[]
    }
    assert.equal(me.subject, 'sam')
    assert.deepEqual(me.groups, ['security'])
    // The same answer of the issuer cannot be used by somebody else, nor twice.
    assert.equal((await get(`${answer.pathname}${answer.search}`, {})).status, 401)
    assert.equal((await get(`${answer.pathname}${answer.search}`, { cookie: login })).status, 401)
    const out = (origin: string): Promise<Response> =>
      fetch(new URL('/auth/logout', api), { method: 'POST', headers: { cookie, origin } })
    assert.equal((await out('https://elsewhere.example')).status, 403)
    assert.equal((await get('/v1/me', { cookie })).status, 200)
    const live = await get('/v1/live', { cookie })
    assert.equal(live.status, 200)
    assert.equal((await out(api)).status, 204)
    assert.equal((await get('/v1/me', { cookie })).status, 401)
    // What was open ends too.
    assert.match(await live.text(), /^event: progress/)
  })

  test('sign-ins that were begun on several pages of a browser are each finished', async () => {
    const { password } = demo.issuer.accounts.find(({ username }) => username === 'ada') ?? {}
    assert.ok(password !== undefined)
    const pages = [await get('/auth/login?return=/reports', {}), await get('/auth/login', {})]
    // As a browser has them: the later one of a name replaces the earlier.
    const jar = new Map(
      pages.map((begun) => cookieOf(begun, 'affidavit_login').split('=') as [string, string]),
    )
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const begun of pages) {
      const answer = await walkPages(new URL(begun.headers.get('location') ?? ''), {
        username: 'ada',
        password,
        redirectUri: `${api}/auth/callback`,
      })
      const finished = await get(`${answer.pathname}${answer.search}`, { cookie })
      assert.equal(finished.status, 302)
      assert.ok(cookieOf(finished, 'affidavit_sign_in'))
    }
  })

  test('a sign-in never sends the browser to another site', async () => {
    for (const path of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      const begun = await get(`/auth/login?return=${encodeURIComponent(path)}`, {})
      assert.equal(begun.status, 302)
      assert.ok(begun.headers.get('location')?.startsWith(demo.issuer.url))
    }
  })

  test('without a token, with a wrong one, or with one for others nothing is shown', async () => {
    assert.equal((await get('/v1/sessions', {})).status, 401)
    assert.equal((await get('/v1/sessions', { authorization: 'Bearer nonsense' })).status, 401)
    const { authorization } = await bearer('sam')
    const [head, body, signature] = (authorization ?? '').split('.')
    const claims = JSON.parse(Buffer.from(body ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'nia' })).toString('base64url')
    assert.equal(
      (await get('/v1/me', { authorization: `${head}.${forged}.${signature}` })).status,
      401,
    )
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    assert.equal((await get('/v1/me', { authorization: `Bearer ${none}.${body}.` })).status, 401)
  })

  test('what somebody searches is itself recorded', async () => {
    const found = await get('/v1/search?text=revenue', await bearer('ada'))
    assert.equal(found.status, 200)
    await eventually('the search in the index', async () => {
      const { hits } = await demo.product.query.search({ kind: 'evidence.searched', actor: 'ada' })
      return hits[0] ?? null
    })
  })

  test('an agent cannot read the evidence', async () => {
    const { clientId, clientSecret } = demo.issuer.clients.agent
    const response = await fetch(new URL('/token', demo.issuer.url), {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: api }),
    })
    const { access_token: token } = (await response.json()) as { access_token: string }
    const answer = await get('/v1/sessions', { authorization: `Bearer ${token}` })
    assert.equal(answer.status, 403)
    assert.match(((await answer.json()) as { detail: string }).detail, /not for agents/)
  })

  test('evidence is for analysts and auditors; whoever else asks is refused, and that is recorded', async () => {
    const refused = await get('/v1/search?text=revenue', await bearer('nia'))
    assert.equal(refused.status, 403)
    const { detail } = (await refused.json()) as { detail: string }
    assert.match(detail, /needs the role analyst or auditor/)
    const me = (await (await get('/v1/me', await bearer('nia'))).json()) as { roles: string[] }
    assert.deepEqual(me.roles, ['approver'])
    await eventually('the refusal in the index', async () => {
      const { hits } = await demo.product.query.search({ kind: 'access.denied', actor: 'nia' })
      return hits[0] ?? null
    })
  })

  test('a revoked session password ends its session within two seconds, and opens no other', async () => {
    const headers = { ...(await bearer('olivia')), 'content-type': 'application/json' }
    const issued = await fetch(new URL('/v1/credentials', api), {
      method: 'POST',
      headers,
      body: JSON.stringify({ target: 'shop', purpose: 'a test' }),
    })
    assert.equal(issued.status, 201)
    const credential = (await issued.json()) as DemoSession & {
      credential_id: string
      ca_pem: string
    }
    const client = clientFor({ ...credential, ca: credential.ca_pem })
    await client.connect()
    const ended = new Promise<Error>((resolve) => client.on('error', resolve))
    const started = performance.now()
    const other = await fetch(new URL(`/v1/credentials/${credential.credential_id}`, api), {
      method: 'DELETE',
      headers: await bearer('sam'),
    })
    assert.equal(other.status, 404)
    const revoked = await fetch(new URL(`/v1/credentials/${credential.credential_id}`, api), {
      method: 'DELETE',
      headers: await bearer('olivia'),
    })
    assert.equal(revoked.status, 204)
    await ended
    assert.ok(performance.now() - started < 2_000)
    const again = clientFor({ ...credential, ca: credential.ca_pem })
    await assert.rejects(
      again.connect(),
      (error) => error instanceof DatabaseError && error.code?.startsWith('28') === true,
    )
  })

  test('a token gets one session password, and why another one is refused is in the evidence alone', async () => {
    const headers = { ...(await bearer('olivia')), 'content-type': 'application/json' }
    const exchange = (): Promise<Response> =>
      fetch(new URL('/v1/credentials', api), {
        method: 'POST',
        headers,
        body: JSON.stringify({ target: 'shop' }),
      })
    const both = await Promise.all([exchange(), exchange()])
    assert.deepEqual(new Set(both.map(({ status }) => status)), new Set([201, 409]))
    assert.equal((await exchange()).status, 409)
    const refused = await get('/v1/me', { authorization: 'Bearer nonsense' })
    assert.equal(refused.status, 401)
    assert.doesNotMatch(await refused.text(), /malformed/)
    for (const reason of ['token_used', 'malformed']) {
      await eventually(`${reason} in the index`, async () => {
        const { hits } = await demo.product.query.search({ kind: 'auth.failed', text: reason })
        return hits[0] ?? null
      })
    }
  })

  test('a wrong password is refused with 28P01 and recorded, without saying what was wrong', async () => {
    const session = await demo.connect('olivia')
    for (const [user, password] of [
      [session.user, 'wrong'],
      ['nobody.00000000', session.password],
    ] as const) {
      const error = await clientFor({ ...session, user, password })
        .connect()
        .then(
          () => null,
          (cause: unknown) => cause,
        )
      assert.ok(error instanceof DatabaseError)
      assert.equal(error.code, '28P01')
      assert.equal(error.message, `password authentication failed for user "${user}"`)
    }
    await eventually('both failures in the index', async () => {
      const { hits } = await demo.product.query.search({ kind: 'auth.failed' })
      return hits.length >= 2 ? hits : null
    })
  })

  test('an unknown target, an entry beyond the end and a log of another name are said to be so', async () => {
    const headers = await bearer('sam')
    const issued = await fetch(new URL('/v1/credentials', api), {
      method: 'POST',
      headers: { ...(await bearer('olivia')), 'content-type': 'application/json' },
      body: JSON.stringify({ target: 'nowhere' }),
    })
    assert.equal(issued.status, 404)
    const [head] = await demo.product.reader.logs()
    assert.ok(head)
    const log = encodeURIComponent(head.origin)
    assert.equal((await get(`/v1/entries/99999999?log=${log}`, headers)).status, 404)
    assert.equal((await get('/v1/entries/0?log=nothing', headers)).status, 404)
    const cut = await get(`/v1/entries/1.5?log=${log}`, headers)
    assert.equal(cut.status, 400)
    assert.match(await cut.text(), /params\/position must be integer, and is 1\.5/)
    assert.equal((await get('/v1/sessions/none', headers)).status, 404)
  })

  test('a schema registry client finds the schema of our topics', async () => {
    const latest = await fetch(new URL('/subjects/audit.events-value/versions/latest', api))
    const { id, schema } = (await latest.json()) as { id: number; schema: string }
    const byId = (await (await fetch(new URL(`/schemas/ids/${id}`, api))).json()) as {
      schema: string
    }
    assert.equal(byId.schema, schema)
    assert.equal((JSON.parse(schema) as { name: string }).name, 'AuditEvent')
    assert.equal((await fetch(new URL('/schemas/ids/77', api))).status, 404)
  })

  test('the topics are described where their schemas are found', async () => {
    const response = await fetch(new URL('/asyncapi.json', api))
    const { servers } = (await response.json()) as {
      servers: { kafka: { bindings: { kafka: { schemaRegistryUrl: string } } } }
    }
    const registry = servers.kafka.bindings.kafka.schemaRegistryUrl
    assert.equal((await fetch(`${registry}/subjects`)).status, 200)
  })
})

function clientFor(session: DemoSession): Client {
  return new Client({
    host: session.host,
    port: session.port,
    database: session.database,
    user: session.user,
    password: session.password,
    ssl: { ca: session.ca },
  })
}

/** The first whose name begins so. */
function cookieOf(response: Response, name: string): string {
  const cookie = response.headers.getSetCookie().find((each) => each.startsWith(name))
  assert.ok(cookie, `a cookie ${name}`)
  return cookie.split(';')[0] ?? ''
}
