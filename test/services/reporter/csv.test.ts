import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parse } from 'csv-parse/sync'
import fc from 'fast-check'

import { csv, csvCell } from '../../../services/reporter/render/csv.ts'

test('what is written is read back, and no cell begins as a formula does', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('=1+1', '-x', '@a', '+1', '＝1', '＋1', '－1', '＠a', '\tx', '"a",\n'),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, fc.constant('end')), { minLength: 1 }), (rows) => {
      const read = parse(csv(rows))
      assert.deepEqual(
        read,
        rows.map((row) => row.map(csvCell)),
      )
      for (const row of read)
        for (const each of row) assert.doesNotMatch(each, /^[=+\-@\t\r＝＋－＠]/)
    }),
  )
})
