import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import fastify from 'fastify'

import { answerProblems } from '../../../services/api/problem.ts'
import { liveRoutes } from '../../../services/api/routes/live.ts'
import type { Query } from '../../../services/indexer/query.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { anActor } from '../../support/an-event.ts'

async function anApi(
  t: TestContext,
  known: Promise<undefined>,
  isCurrent: () => boolean = () => true,
) {
  const app = fastify()
  const stop = new AbortController()
  t.after(() => {
    stop.abort()
    return app.close()
  })
  answerProblems(app, createLogger('silent'))
  app.decorateRequest('permitted', async () => {
    await known
    return anActor()
  })
  const caller = { actor: anActor(), token: null, isCurrent }
  app.decorateRequest('caller', () => Promise.resolve(caller))
  const query = { progress: () => Promise.resolve([]) } as Partial<Query> as Query
  liveRoutes(app, { query, signal: stop.signal })
  return { app, address: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

test('pages that went away before it was known who asks take no place of those that listen', async (t) => {
  const known = Promise.withResolvers<undefined>()
  const { app, address } = await anApi(t, known.promise)
  const { port } = app.server.address() as AddressInfo
  for (let page = 0; page < 100; page++) {
    const asked = once(app.server, 'request')
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /v1/live HTTP/1.1\r\nhost: x\r\n\r\n')
    const [, response] = (await asked) as [unknown, NodeJS.EventEmitter]
    const closed = once(response, 'close')
    socket.destroy()
    await closed
  }
  known.resolve(undefined)
  const answer = await fetch(`${address}/v1/live`)
  assert.equal(answer.status, 200)
  await answer.body?.cancel()
})

test('a HEAD is answered at once, since there is no end to wait for', async (t) => {
  const { address } = await anApi(t, Promise.resolve(undefined))
  const signal = AbortSignal.timeout(5_000)
  assert.equal((await fetch(`${address}/v1/live`, { method: 'HEAD', signal })).status, 404)
})

test('it ends when whoever listens is signed out, has expired, or is locked out', async (t) => {
  let isCurrent = true
  const { address } = await anApi(t, Promise.resolve(undefined), () => isCurrent)
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${address}/v1/live`, { signal })
  const read = answer.body?.getReader()
  const first = await read?.read()
  assert.match(Buffer.from(first?.value ?? []).toString(), /^event: progress/)
  isCurrent = false
  const end = await read?.read()
  assert.equal(end?.done, true)
})
