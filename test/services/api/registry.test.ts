import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'

import { schemas } from '../../../schemas/codec.ts'
import { refuseCrossSite } from '../../../services/api/caller.ts'
import { answerProblems } from '../../../services/api/problem.ts'
import { registryRoutes } from '../../../services/api/routes/registry.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { registryContract } from '../../contracts/registry.ts'

const subject = 'audit.events-value'
const mediaType = 'application/vnd.schemaregistry.v1+json'
const current = [...schemas.values()].at(-1) as unknown as {
  fields: { name: string; type: unknown }[]
}

async function anApi(): Promise<FastifyInstance> {
  const app = fastify()
  answerProblems(app, createLogger('silent'))
  refuseCrossSite(app, 'https://affidavit.example')
  await app.register(registryRoutes)
  app.post('/elsewhere', () => 'done')
  return app
}

let url = ''
let app: FastifyInstance
before(async () => {
  app = await anApi()
  url = await app.listen({ host: '127.0.0.1', port: 0 })
})
after(() => app.close())

registryContract('ours', () =>
  Promise.resolve({
    url,
    subjects: [subject, 'ledger.sealed-value'],
    ids: [...schemas.keys()],
  }),
)

suite('our schema registry', () => {
  const post = async (path: string, schema: unknown, schemaType?: string): Promise<Answer> => {
    const response = await app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': mediaType },
      payload: JSON.stringify({ schema, schemaType }),
    })
    return { status: response.statusCode, body: response.json() }
  }

  test('answers are of the registry’s media type, errors too', async () => {
    for (const path of ['/subjects', '/schemas/ids/1', '/schemas/ids/1/schema', '/schemas/ids/9']) {
      const { headers } = await app.inject(path)
      assert.equal(headers['content-type'], `${mediaType}; charset=utf-8`, path)
    }
  })

  test('nothing can be registered, deleted or set, and the refusal says why', async () => {
    const other = JSON.stringify({ ...current, doc: 'another' })
    const answers = [
      await post(`/subjects/${subject}/versions`, other),
      await post('/subjects/none-value/versions', JSON.stringify(current)),
    ]
    for (const [method, path] of [
      ['DELETE', `/subjects/${subject}`],
      ['DELETE', `/subjects/${subject}/versions/1`],
      ['PUT', '/config'],
      ['PUT', `/config/${subject}`],
      ['DELETE', `/config/${subject}`],
      ['PUT', '/mode'],
      ['PUT', `/mode/${subject}`],
    ] as const) {
      const headers = { 'content-type': mediaType }
      const response = await app.inject({ method, url: path, headers, payload: '{}' })
      answers.push({ status: response.statusCode, body: response.json() })
    }
    for (const { status, body } of answers) {
      assert.equal(status, 422)
      assert.equal(body['error_code'], 42205)
      assert.match(String(body['message']), /read-only/)
    }
  })

  test('a schema is known however it is spelled, and not when it says something else', async () => {
    const full = (type: unknown): unknown => {
      if (typeof type === 'string')
        return ['Sha256', 'ActorKind'].includes(type) ? `affidavit.events.${type}` : type
      if (Array.isArray(type)) return type.map(full)
      const node = type as Record<string, unknown>
      const entries = Object.entries(node).reverse()
      return Object.fromEntries(
        entries.map(([name, value]) => {
          if (name === 'name') return [name, `affidavit.events.${String(value)}`]
          if (name === 'items' || name === 'values') return [name, full(value)]
          if (name !== 'fields') return [name, value]
          const fields = value as { type: unknown }[]
          return [name, fields.map((field) => ({ ...field, type: full(field.type) }))]
        }),
      )
    }
    const spelled = full(current) as Record<string, unknown>
    const known = await post(`/subjects/${subject}`, JSON.stringify(spelled))
    assert.equal(known.status, 200)
    assert.equal(known.body['version'], schemas.size)
    const wrapped = {
      ...current,
      fields: current.fields.map((field) =>
        field.type === 'string' ? { ...field, type: { type: 'string' } } : field,
      ),
    }
    assert.equal((await post(`/subjects/${subject}`, JSON.stringify(wrapped))).status, 200)
    for (const changed of [
      { ...current, namespace: 'elsewhere' },
      { ...current, fields: current.fields.slice(1) },
      { ...current, doc: undefined },
      {
        ...current,
        fields: [...current.fields.slice(0, -2), ...current.fields.slice(-2).reverse()],
      },
    ]) {
      const answer = await post(`/subjects/${subject}`, JSON.stringify(changed))
      assert.equal(answer.body['error_code'], 40403)
    }
  })

  test('what breaks compatibility is named when the client asks', async () => {
    const renamed = structuredClone(current)
    renamed.fields[0]!.name = 'event_id'
    const path = `/compatibility/subjects/${subject}/versions?verbose=true`
    const { body } = await post(path, JSON.stringify(renamed))
    assert.equal(body['is_compatible'], false)
    assert.equal((body['messages'] as string[]).length, 2 * schemas.size)
    const same = await post(path, JSON.stringify(current))
    assert.deepEqual(same.body, { is_compatible: true, messages: [] })
  })

  test('what is not a schema, a version or a setting is refused with its code', async () => {
    const notSchemas = [undefined, 7, '', '{', '{"type":"record"}', '['.repeat(50_000)]
    for (const schema of notSchemas) {
      const answer = await post(`/compatibility/subjects/${subject}/versions`, schema)
      assert.equal(answer.body['error_code'], 42201, String(schema).slice(0, 20))
    }
    assert.equal((await post(`/subjects/${subject}`, '{}', 'JSON')).body['error_code'], 42201)
    for (const version of ['0', '-2', '1.0', 'first', '01', '99999999999']) {
      const response = await app.inject(`/subjects/${subject}/versions/${version}`)
      assert.equal(response.json<Body>()['error_code'], 42202, version)
    }
    const codeOf = async (path: string): Promise<unknown> =>
      (await app.inject(path)).json<Body>()['error_code']
    assert.equal(await codeOf('/config/none-value'), 40408)
    assert.equal(await codeOf('/mode/none-value'), 40409)
    const general = await app.inject('/config/none-value?defaultToGlobal=true')
    assert.deepEqual(general.json(), { compatibilityLevel: 'FULL_TRANSITIVE' })
    assert.deepEqual((await app.inject('/mode')).json(), { mode: 'READONLY' })
  })

  test('subjects and schemas are listed by prefix, all or the newest', async () => {
    assert.deepEqual((await app.inject('/subjects?subjectPrefix=ledger')).json(), [
      'ledger.sealed-value',
    ])
    const list = (query: string): Promise<{ subject: string; version: number }[]> =>
      app.inject(`/schemas${query}`).then((response) => response.json())
    assert.equal((await list('')).length, 2 * schemas.size)
    const newest = await list(`?subjectPrefix=${subject}&latestOnly=true`)
    assert.deepEqual(
      newest.map((each) => [each.subject, each.version]),
      [[subject, schemas.size]],
    )
  })

  test('a body that is no JSON, or too large, is refused by the registry’s body', async () => {
    const send = (payload: string): Promise<{ statusCode: number; json: () => Body }> =>
      app.inject({
        method: 'POST',
        url: `/subjects/${subject}`,
        headers: { 'content-type': mediaType },
        payload,
      })
    const broken = await send('{"schema":')
    assert.equal(broken.statusCode, 400)
    assert.equal(broken.json()['error_code'], 400)
    const large = await send(JSON.stringify({ schema: 'x'.repeat(300_000) }))
    assert.equal(large.statusCode, 413)
    assert.equal(large.json()['error_code'], 413)
  })

  test('other routes still refuse what names no origin', async () => {
    const response = await app.inject({ method: 'POST', url: '/elsewhere' })
    assert.equal(response.statusCode, 403)
  })
})

type Body = Record<string, unknown>

interface Answer {
  readonly status: number
  readonly body: Body
}
