import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pino } from 'pino'

import { loadClassification } from '../../../../../services/edge/guard/masking/classification.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { TargetMasking } from '../../../../../services/edge/postgres/masking/target-masking.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { freePorts } from '../../../../support/free-ports.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import { anActor } from '../edge-fixture.ts'
import { everything } from './masked-target.ts'
import { until } from '../../../../support/until.ts'

test('where the catalog cannot be read what is masked is refused, the rest and other targets go on, and the log says so', async () => {
  const port = await freePorts(1)
  const lines: string[] = []
  const classified = loadClassification(
    'version: 1\ncolumns: [{ column: m.secret.ssn, class: ssn }]',
    'c.yaml',
  )
  assert.ok(classified.ok)
  const grammar = await loadGrammar()
  const masking = new TargetMasking({
    target: { name: 'away', address: '127.0.0.1', port, tls: { mode: 'disable' } },
    login: {
      user: 'edge',
      password: new ScramPassword('none'),
      database: 'shop',
      applicationName: 'catalog',
      settings: new Map(),
    },
    columns: classified.columns,
    key: Buffer.alloc(32, 9),
    grammar,
    logger: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
    refreshMs: 20,
  })
  const stop = new AbortController()
  const running = masking.run(stop.signal)
  const masks = "targets: [away], statements: [read], outcome: mask, mask: { classes: ['*'] }"
  const policy = new RulePolicy({
    grammar,
    policies: new PolicyInForce(aPolicy(everything, `id: mask, ${masks}`)),
    clock: systemClock,
    masking: new Map([['away', masking]]),
  })
  const refusalOf = (target: string, text: string): string | null =>
    policy.decide(text, {
      actor: anActor,
      target,
      database: 'shop',
      searchPath: null,
      purpose: null,
      dataLabels: [],
    }).refusal?.message ?? null

  for (const text of ['SELECT ssn FROM m.secret', 'SELECT * FROM m.harmless']) {
    assert.match(refusalOf('away', text) ?? '', /the catalog of the target cannot be read now/)
    assert.equal(refusalOf('here', text), null)
  }
  // No mask rule is about it.
  assert.equal(refusalOf('away', 'BEGIN'), null)
  await until(() => lines.length > 0)
  assert.deepEqual(masking.health(), {
    state: 'degraded',
    reason: 'the catalog of the target cannot be read: what has to be masked is refused',
  })
  stop.abort()
  await running
  assert.match(lines.join(''), /"target":"away".*the catalog for masking cannot be read/)
})
