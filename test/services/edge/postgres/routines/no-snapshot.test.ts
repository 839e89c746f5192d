import assert from 'node:assert/strict'
import { test } from 'node:test'

import { freePorts } from '../../../../support/free-ports.ts'
import { allowing, aSubject, policyOf, routinesAt } from './routines-target.ts'
import { until } from '../../../../support/until.ts'

test('where the functions of users cannot be read, what may call one needs a rule for all of them, and the log says so', async (t) => {
  const lines: string[] = []
  const routines = routinesAt(
    { host: '127.0.0.1', port: await freePorts(1) },
    { refreshMs: 20, onLog: (line) => lines.push(line) },
  )
  const stop = new AbortController()
  const running = routines.run(stop.signal)
  t.after(() => stop.abort())
  const refusalOf = (allowed: readonly string[], text: string): string | null =>
    policyOf(routines, allowing(...allowed)).decide(text, aSubject()).refusal?.message ?? null

  for (const text of [
    'SELECT lower(note) FROM shop.orders',
    "SELECT id FROM shop.orders WHERE note = 'x'",
    'SELECT o.note FROM shop.orders o',
    "SELECT 'x'::shop.code",
    'INSERT INTO shop.log VALUES (1)',
  ]) {
    assert.match(refusalOf([], text) ?? '', /cannot be read now/, text)
    assert.match(refusalOf(['shop.*', 'public.lower'], text) ?? '', /cannot be read now/, text)
    assert.equal(refusalOf(['*'], text), null)
  }
  const recorded = policyOf(routines, allowing('*')).decide('SELECT lower(a) FROM t', aSubject())
  assert.deepEqual(recorded.functions, ['lower', '*'])
  // Nothing in these is looked up by its arguments.
  for (const text of ['BEGIN', 'SELECT 1', 'SELECT id, note FROM shop.orders', 'COMMIT']) {
    assert.equal(refusalOf([], text), null)
  }
  await until(() => lines.length > 0)
  assert.deepEqual(routines.health(), {
    state: 'degraded',
    reason:
      'the functions that users have defined cannot be read: what may call one of them needs a rule for all functions; see that the target answers and lets its held role sign in; the log has what failed',
  })
  stop.abort()
  await running
  assert.match(lines.join(''), /"target":"r".*functions that users have defined cannot be read/)
})
