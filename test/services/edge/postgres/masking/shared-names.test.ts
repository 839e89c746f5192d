import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import type { FrontendMessage } from '../../../../../services/edge/postgres/protocol/frontend.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { anActor, MemoryCredentials, password, startEdge } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'
import { bind, close, execute, parse, rawClient, sync } from '../raw-client.ts'
import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

/** Names of prepared statements and cursors, which SQL and the protocol share, as the target tells them apart. */
suite('what a name stands for at the target is what it is taken for', () => {
  let target: MaskedTarget
  let edge: TestEdge
  before(async () => {
    target = await startMaskedTarget(
      "CREATE SCHEMA m; CREATE TABLE m.secret (ssn text); INSERT INTO m.secret VALUES ('111-22-3333')",
      'version: 1\ncolumns:\n  - { column: m.secret.ssn, class: ssn, mask: last4 }\n',
    )
    const credentials = new MemoryCredentials()
    credentials.issue('agent', password, { target: 'm', actor: anActor })
    const policy = new RulePolicy({
      grammar: await loadGrammar(),
      policies: target.policies,
      clock: systemClock,
      masking: new Map([['m', target.masking]]),
    })
    const guard = { credentials, policy }
    edge = await startEdge(target.target, {
      plain: true,
      target: { name: 'm' },
      options: { guard },
    })
  })
  after(async () => {
    await edge[Symbol.asyncDispose]()
    await target[Symbol.asyncDispose]()
  })

  const secret = "SELECT ssn || '' FROM m.secret"
  const query = (text: string): FrontendMessage => ({ type: 'query', text: Buffer.from(text) })
  /** All that a client of its own gets to see of these batches, each of which ends with one ReadyForQuery. */
  const seen = async (...batches: readonly (readonly FrontendMessage[])[]): Promise<string> => {
    const client = await rawClient(edge)
    const found: unknown[] = []
    for (const batch of batches) {
      await client.send(batch)
      found.push(await client.answer())
    }
    await client.close()
    return JSON.stringify(found)
  }
  const x63 = 'x'.repeat(63)
  const [one, other] = [`${x63}a`, `${x63}b`]
  /** As it stands in a message. */
  const accented = Buffer.from('é').toString('latin1')

  test('longer ones than it keeps end the session, before they mean anything', async () => {
    const cases = [
      [[parse('SELECT 1', one), close('statement', other), parse(secret, other), sync]],
      [[parse('SELECT 1', 's'), bind('s', one), sync]],
      [[close('portal', one), sync]],
      [[execute(one), sync]],
      [[query(`PREPARE ${x63} AS SELECT 1`)], [parse(secret, other), sync]],
    ]
    for (const batches of cases) assert.match(await seen(...batches), /"errors":\["08P01"\]/)
    assert.match(await seen([parse('SELECT 5', x63), bind(x63), execute(), sync]), /\[\["5"\]\]/)
  })

  test('one that is not ASCII is the same in SQL and in messages', async () => {
    const cases = [
      [
        [parse('SELECT 1', accented), sync],
        [query('DEALLOCATE "é"')],
        [query(`PREPARE "é" AS ${secret}`)],
        [bind(accented), execute(), sync],
      ],
      [
        [query('PREPARE "é" AS SELECT 1')],
        [query('DEALLOCATE "é"')],
        [parse(secret, accented), sync],
        [query('EXECUTE "é"')],
      ],
      [
        [query('BEGIN')],
        [query('DECLARE "é" CURSOR FOR SELECT 1')],
        [query('CLOSE "é"')],
        [parse(secret, 's'), bind('s', accented), sync],
        [query('FETCH ALL FROM "é"')],
      ],
    ]
    for (const batches of cases) assert.doesNotMatch(await seen(...batches), /111-22-3333/)
    const own = [parse('SELECT 5', accented), bind(accented), execute(), sync]
    assert.match(await seen(own, [query('EXECUTE "é"')]), /\[\["5"\]\].*\[\["5"\]\]/)
  })
})
