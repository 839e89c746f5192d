import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  addressOfFilter,
  filterOfAddress,
  isBlank,
} from '../../../../services/console/src/search/evidence-filter.ts'

const word = fc.string().map((text) => text.trim())
const time = fc.option(fc.nat())
const filters = fc.record({
  text: word,
  actor: word,
  target: word,
  decision: word,
  outcome: word,
  kind: word,
  relation: word,
  approver: word,
  from: time,
  to: time,
})

test('a filter is found again from its address', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const address = new URLSearchParams(addressOfFilter(filter).toString())
      assert.deepEqual(filterOfAddress(address), { ...filter })
    }),
  )
})

test('an address without conditions, or with times that are none, is a blank filter', () => {
  for (const address of ['', 'text=+++', 'from=yesterday&to=-1', 'proof=7&log=a']) {
    assert.ok(isBlank(filterOfAddress(new URLSearchParams(address))))
  }
})
