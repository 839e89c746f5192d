import assert from 'node:assert/strict'
import { test } from 'node:test'

import { validate, version } from 'uuid'

import { EventIds } from '../../../../services/edge/capture/event-ids.ts'

test('ids are UUIDs of version 7, carry their time, rise and never repeat', () => {
  const ids = new EventIds()
  const start = Date.UTC(2026, 10, 25)
  const made = Array.from({ length: 20_000 }, (_, n) => ids.next(start + Math.floor(n / 100)))
  for (const id of made) {
    assert.ok(validate(id))
    assert.equal(version(id), 7)
  }
  assert.equal(Number.parseInt((made[0] ?? '').replace('-', '').slice(0, 12), 16), start)
  assert.deepEqual([...made].sort(), made)
  assert.equal(new Set(made).size, made.length)
})

test('more ids than a millisecond can count, and a clock set back, keep the order', () => {
  const ids = new EventIds()
  const made = Array.from({ length: 10_000 }, (_, n) => ids.next(n < 9_000 ? 1_000 : 500))
  assert.deepEqual([...made].sort(), made)
  assert.equal(new Set(made).size, made.length)
})
