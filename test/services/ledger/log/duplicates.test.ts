import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Duplicates } from '../../../../services/ledger/log/duplicates.ts'

test('a repeat within the window is found, one beyond twice the window is not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.nat(30), { maxLength: 200 }),
      (capacity, ids) => {
        const duplicates = new Duplicates(capacity)
        const noted: number[] = []
        for (const [position, id] of ids.entries()) {
          const first = duplicates.note(`event-${id}`, position)
          const since = noted.lastIndexOf(id)
          if (since !== -1 && noted.length - since <= capacity) assert.notEqual(first, null)
          if (since === -1 || noted.length - since > 2 * capacity) assert.equal(first, null)
          if (first === null) noted.push(id)
          else assert.equal(ids[first], id)
        }
      },
    ),
  )
})
