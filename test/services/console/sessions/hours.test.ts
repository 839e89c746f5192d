import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ActivityBucket } from '../../../../services/console/src/api/shapes.ts'
import { hoursOf, total } from '../../../../services/console/src/sessions/hours.ts'

const hourMs = 3_600_000
const firstMs = Date.UTC(2026, 10, 25, 8)

function aBucket(given: Partial<ActivityBucket> = {}): ActivityBucket {
  return {
    hourMs: firstMs,
    target: 'shop',
    actor: 'shop-agent',
    operation: 'select',
    decision: 'allow',
    outcome: 'ok',
    count: 1,
    rows: 0,
    ...given,
  }
}

test('statements are counted once: as blocked, as errors, as held back, else as allowed', () => {
  const [hour] = hoursOf([
    aBucket({ count: 5, rows: 50 }),
    aBucket({ decision: 'block', outcome: 'refused', count: 2 }),
    aBucket({ outcome: 'error', count: 3 }),
    aBucket({ decision: 'hold', outcome: 'refused', count: 4 }),
    aBucket({ decision: 'hold', outcome: 'ok' }),
  ])
  assert.deepEqual(hour, {
    hourMs: firstMs,
    allowed: 6,
    blocked: 2,
    held: 4,
    errors: 3,
    rows: 50,
  })
  assert.equal(total(hour), 15)
})

test('hours without statements stand between those that have some, oldest first', () => {
  const hours = hoursOf([aBucket({ hourMs: firstMs + 3 * hourMs }), aBucket()])
  assert.deepEqual(
    hours.map(({ allowed }) => allowed),
    [1, 0, 0, 1],
  )
})

test('of a long time the newest two days are shown', () => {
  const hours = hoursOf([aBucket(), aBucket({ hourMs: firstMs + 1_000 * hourMs })])
  assert.equal(hours.length, 48)
  assert.equal(hours.at(-1)?.hourMs, firstMs + 1_000 * hourMs)
})

test('without statements there are no hours', () => {
  assert.deepEqual(hoursOf([]), [])
})
