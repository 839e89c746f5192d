import assert from 'node:assert/strict'
import { test } from 'node:test'

import { instantOf } from '../../../services/runtime/instant.ts'

test('a time is read with its zone, a day from its beginning in UTC', () => {
  const eight = Date.UTC(2026, 10, 25, 8)
  for (const text of [
    '2026-11-25T08:00:00Z',
    '2026-11-25T08:00Z',
    '2026-11-25t08:00:00.000z',
    '2026-11-25 10:00:00+02:00',
    '2026-11-24T22:30:00.000000-09:30',
  ]) {
    assert.equal(instantOf(text), eight, text)
  }
  assert.equal(instantOf('2026-11-25'), Date.UTC(2026, 10, 25))
  assert.equal(instantOf('2024-02-29'), Date.UTC(2024, 1, 29))
})

test('what would be another time elsewhere, or is none, is not read', () => {
  for (const text of [
    '2026-11-25T08:00:00',
    '2026-11-25 08:00',
    '2026-02-31T00:00:00Z',
    '2026-02-29',
    '2026-13-01',
    '2026-11-25T25:00:00Z',
    '25 Nov 2026',
    '2026',
    '1',
    '',
  ]) {
    assert.equal(instantOf(text), null, text)
  }
})
