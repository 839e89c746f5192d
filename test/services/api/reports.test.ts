import assert from 'node:assert/strict'
import { test } from 'node:test'

import fastify from 'fastify'

import type { ActionAudit } from '../../../services/api/action-audit.ts'
import { answerProblems } from '../../../services/api/problem.ts'
import { reportRoutes } from '../../../services/api/routes/reports.ts'
import { schemaCompiler } from '../../../services/api/validation.ts'
import type { Reports } from '../../../services/reporter/report.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { anActor } from '../../support/an-event.ts'

test('a report whose period begins at another time on each machine is refused, before anything is recorded', async (t) => {
  const app = fastify().setValidatorCompiler(schemaCompiler)
  t.after(() => app.close())
  answerProblems(app, createLogger('silent'))
  app.decorateRequest('permitted', () => Promise.resolve(anActor()))
  let recorded = 0
  const record = (): Promise<void> => {
    recorded += 1
    return Promise.resolve()
  }
  await app.register(reportRoutes, {
    reports: { start: () => Promise.reject(new Error('begun')) } as Partial<Reports> as Reports,
    audit: { record } as Partial<ActionAudit> as ActionAudit,
  })
  const begin = (body: object) => app.inject({ method: 'POST', url: '/v1/reports', body })
  for (const part of [{ from: '2026-11-25T08:00:00' }, { to: '2026-02-30T00:00:00Z' }]) {
    const answer = await begin({ control: 'au-2', ...part })
    assert.equal(answer.statusCode, 400)
    const [name = ''] = Object.keys(part)
    assert.match(answer.json<{ detail: string }>().detail, new RegExp(`^${name}: expected a time`))
  }
  assert.equal(recorded, 0)
  assert.equal((await begin({ control: 'au-2', from: '2026-11-25' })).statusCode, 500)
  assert.equal(recorded, 1)
})
