import assert from 'node:assert/strict'
import { test } from 'node:test'

import fastify from 'fastify'
import { pino } from 'pino'

import { answerProblems, Problem } from '../../../services/api/problem.ts'
import { QueryError } from '../../../services/indexer/query.ts'

test('why something cannot be done now is in the log once a minute, by names and codes alone', async (t) => {
  const lines: unknown[] = []
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line)) },
  )
  const clock = { atMs: 0, nowMs: () => clock.atMs, nowUs: () => clock.atMs * 1000 }
  const app = fastify()
  t.after(() => app.close())
  answerProblems(app, logger, clock)
  const refused = Object.assign(new Error('connect to secret.example'), { code: 'ECONNREFUSED' })
  const away = new Problem('unavailable', 'the keys of the issuer cannot be had now', {
    cause: new TypeError('fetch failed', { cause: refused }),
  })
  const problems: Record<string, Error> = {
    away,
    full: new Problem('not-recorded', 'the spool of the api says full'),
    passing: new Problem('unavailable', 'this report is not finished'),
    index: new QueryError('QUERY_UNAVAILABLE', 'down'),
  }
  app.get('/:name', (request) => {
    const { name } = request.params as { name: string }
    throw problems[name] ?? new Problem('not-found', name)
  })
  const ask = async (): Promise<void> => {
    for (const name of ['away', 'full', 'passing', 'index', 'none', 'away']) {
      await app.inject(`/${name}`)
    }
  }
  const warning = { level: 40, msg: 'a request cannot be done now' }
  const said = [
    { ...warning, problem: 'unavailable', why: ['TypeError', 'Error ECONNREFUSED'] },
    { ...warning, problem: 'not-recorded', why: [] },
  ]
  await ask()
  assert.deepEqual(lines.splice(0), said)
  clock.atMs += 59_999
  await ask()
  assert.deepEqual(lines.splice(0), [])
  clock.atMs += 1
  await ask()
  assert.deepEqual(lines.splice(0), said)
})
