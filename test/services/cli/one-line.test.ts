import assert from 'node:assert/strict'
import { test } from 'node:test'

import { oneLine, onOneLine, quoted } from '../../../services/cli/one-line.ts'

test('a line of somebody else is one line, with what a terminal would obey named', () => {
  assert.equal(onOneLine('SELECT 1\r\n\t, 2'), 'SELECT 1 , 2')
  assert.equal(onOneLine('DROP\u001b[2K\u001b[1Gls'), 'DROP⟨U+001B⟩[2K⟨U+001B⟩[1Gls')
  assert.equal(oneLine('x'.repeat(201)), `${'x'.repeat(200)} …`)
})

test('the lines of a statement cannot pass for lines of the list that it stands in', () => {
  const statement = 'DELETE FROM a -- \u202e\n  grant by Nia: fine\n'
  assert.equal(quoted(statement), '  DELETE FROM a -- ⟨U+202E⟩\n  |   grant by Nia: fine')
})
