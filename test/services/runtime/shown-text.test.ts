import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { shownLine, shownStart, shownText } from '../../../services/runtime/shown-text.ts'

test('what turns the direction of text, has no width or moves a cursor is named', () => {
  assert.equal(shownText("'\u202e'x"), "'⟨U+202E⟩'x")
  assert.equal(shownText('a\u200bb\u2066c\ufeff'), 'a⟨U+200B⟩b⟨U+2066⟩c⟨U+FEFF⟩')
  assert.equal(shownText('DELETE\u001b[2K\rSELECT'), 'DELETE⟨U+001B⟩[2K⟨U+000D⟩SELECT')
  assert.equal(shownText('\u{e0041}'), '⟨U+E0041⟩')
})

test('text of any language, tabs and ends of lines stay as they are', () => {
  const text = 'SELECT 1;\r\n\tSELECT «é», 漢字, שלום, 👍\n'
  assert.equal(shownText(text), text)
})

test('nothing of what is left is unseen, and nothing is named twice', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = shownText(text)
      assert.doesNotMatch(shown.replaceAll('\r\n', '\n'), /[^\P{Cc}\t\n]|\p{Cf}/u)
      assert.equal(shownText(shown), shown)
    }),
  )
})

test('of a long text the beginning is shown, and that there is more', () => {
  assert.equal(shownStart('abcd', 4), 'abcd')
  assert.equal(shownStart('ab\ncd', 4), 'ab\nc …')
  assert.equal(shownStart('abc👍', 4), 'abc …')
  assert.equal(shownLine('a \r\n b\u202e', 4), 'a b⟨U+202E⟩')
  assert.equal(shownLine('a \r\n b\u202e', 3), 'a b …')
})
