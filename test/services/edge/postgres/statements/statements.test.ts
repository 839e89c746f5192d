import assert from 'node:assert/strict'
import { test } from 'node:test'

import { StatementCache } from '../../../../../services/edge/postgres/statements/statements.ts'
import { anActor, TextPolicy } from '../edge-fixture.ts'

const subject = {
  actor: anActor,
  target: 'orders',
  database: 'postgres',
  searchPath: null,
  purpose: null,
  dataLabels: [],
}

function aCache(maxBytes = 100_000) {
  const policy = new TextPolicy()
  const cache = new StatementCache(policy, subject, maxBytes)
  const decide = (text: string) => {
    const bytes = Buffer.from(`__${text}__`)
    return cache.decide(bytes, 2, bytes.length - 2)
  }
  return { policy, cache, decide }
}

test('a statement that differs in plain literals only is decided once and digested each time', () => {
  const { policy, decide } = aCache()
  const one = decide('SELECT a FROM t WHERE id = 1')
  const two = decide('SELECT a FROM t WHERE id = 2')
  assert.equal(policy.decided, 1)
  assert.equal(two.text.toString(), 'SELECT a FROM t WHERE id = 2')
  assert.equal(two.verdict, one.verdict)
  assert.notDeepEqual(one.sha256, two.sha256)
})

test('a verdict that a literal could change is kept for the exact text only', () => {
  const { policy, decide } = aCache()
  for (const text of ["SET a = '1'", "SET a = '2'", "EXPLAIN SELECT 'drop table t'"]) decide(text)
  assert.equal(policy.decided, 3)
  decide("SET a = '1'")
  assert.equal(policy.decided, 3)
})

test('a refusal is never kept for other literals', () => {
  const { policy, decide } = aCache()
  assert.notEqual(decide("SELECT 'drop table t'").verdict.refusal, null)
  assert.equal(decide("SELECT 'something else'").verdict.refusal, null)
  assert.equal(policy.decided, 2)
})

test('what EXECUTE does is asked each time', () => {
  const { policy, decide } = aCache()
  decide('EXECUTE p')
  decide('EXECUTE p')
  assert.equal(policy.decided, 2)
})

test('another policy makes every text new', () => {
  const { policy, decide } = aCache()
  decide('SELECT 1')
  policy.digest = Buffer.alloc(32)
  decide('SELECT 2')
  assert.equal(policy.decided, 2)
})

test('a statement that was declared under another policy is decided anew when it is used', () => {
  const { policy, cache, decide } = aCache()
  const declared = decide('SELECT 1')
  assert.equal(cache.renewed(declared), declared)
  policy.digest = Buffer.alloc(32)
  const renewed = cache.renewed(declared)
  assert.equal(policy.decided, 2)
  assert.deepEqual([renewed.text, renewed.sha256], [declared.text, declared.sha256])
  assert.equal(cache.renewed(renewed), renewed)
})

test('the oldest texts make room for new ones', () => {
  const { policy, decide } = aCache(10_000)
  for (let n = 0; n < 100; n++) decide(`SHOW setting_${n}`)
  assert.equal(policy.decided, 100)
  decide('SHOW setting_99')
  assert.equal(policy.decided, 100)
  decide('SHOW setting_0')
  assert.equal(policy.decided, 101)
})

test('a text longer than the whole cache is decided and not kept', () => {
  const { policy, decide } = aCache(1_000)
  const text = `SHOW ${'x'.repeat(2_000)}`
  decide(text)
  decide(text)
  assert.equal(policy.decided, 2)
})
