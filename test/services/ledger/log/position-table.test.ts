import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { PositionTable } from '../../../../services/ledger/log/position-table.ts'

const few = '00112233-4455-6677-8899-aabbccddeeff'

test('it gives what a Map of the same ids gives, UUIDs and others', () => {
  const id = fc.oneof(
    fc.uuid(),
    fc.uuid().map((text) => text.toUpperCase()),
    // UUIDs that differ in one digit or are not quite one.
    fc
      .tuple(
        fc.nat(few.length - 1),
        fc.constantFrom('0', '9', 'a', 'f', 'g', '/', ':', '`', '-', 'Ā'),
      )
      .map(([at, digit]) => few.slice(0, at) + digit + few.slice(at + 1)),
    fc.string({ maxLength: 40 }),
  )
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), fc.constantFrom(2, 64), (ids, slots) => {
      const table = new PositionTable(slots)
      const known = new Map<string, number>()
      for (const [position, each] of ids.entries()) {
        assert.equal(table.get(each), known.get(each))
        if (known.has(each)) continue
        table.add(each, position)
        known.set(each, position)
      }
      assert.equal(table.size, known.size)
      for (const [each, position] of known) assert.equal(table.get(each), position)
    }),
  )
})
