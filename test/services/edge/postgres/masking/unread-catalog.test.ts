import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pino } from 'pino'

import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { TargetMasking } from '../../../../../services/edge/postgres/masking/target-masking.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import { anActor, freePort } from '../edge-fixture.ts'
import { everything } from './masked-target.ts'

test('where a catalog cannot be read its target refuses what has to be masked, others go on, and the log says so', async () => {
  const grammar = await loadGrammar()
  const lines: string[] = []
  const said = Promise.withResolvers<undefined>()
  const logger = pino(
    {},
    {
      write: (line: string) => {
        lines.push(line)
        said.resolve(undefined)
      },
    },
  )
  const masking = new TargetMasking({
    // Nothing listens there.
    target: { name: 'm', address: '127.0.0.1', port: await freePort(), tls: { mode: 'disable' } },
    login: {
      user: 'u',
      password: new ScramPassword('a password of nobody'),
      database: 'postgres',
      applicationName: 'catalog',
      settings: new Map(),
    },
    columns: [],
    key: Buffer.alloc(32, 9),
    grammar,
    logger,
  })
  const stop = new AbortController()
  const running = masking.run(stop.signal)
  await said.promise
  const masks =
    "id: mask, targets: [m], statements: [select], outcome: mask, mask: { classes: ['*'] }"
  const policy = new RulePolicy({
    grammar,
    policies: new PolicyInForce(aPolicy(everything, masks)),
    clock: systemClock,
    masking: new Map([['m', masking]]),
  })
  const decide = (target: string, text: string): ReturnType<RulePolicy['decide']> =>
    policy.decide(text, {
      actor: anActor,
      target,
      database: 'postgres',
      searchPath: null,
      purpose: null,
      dataLabels: [],
    })
  const { refusal } = decide('m', 'SELECT 1')
  assert.equal(refusal?.kind, 'blocked')
  assert.match(refusal.message, /the catalog of the target cannot be read now/)
  // What no mask rule is about runs, here and at other targets.
  assert.equal(decide('m', "INSERT INTO t VALUES ('x')").refusal, null)
  assert.equal(decide('other', 'SELECT ssn FROM m.secret').refusal, null)
  stop.abort()
  await running
  assert.match(lines.join(''), /"target":"m".*the catalog for masking cannot be read/)
})
