import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parseFreeText } from '../../../services/indexer/free-text.ts'
import { QueryError } from '../../../services/indexer/query.ts'

test('words, phrases and prefixes are told apart', () => {
  assert.deepEqual(parseFreeText('drop "public table" sal* "order it"* -- "open end'), [
    { words: 'drop', isPrefix: false },
    { words: 'public table', isPrefix: false },
    { words: 'sal*', isPrefix: true },
    { words: 'order it', isPrefix: true },
    { words: 'open end', isPrefix: false },
  ])
})

test('no term holds a quote, a control character or half a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      try {
        for (const { words } of parseFreeText(text)) {
          assert.doesNotMatch(words, /["\p{Cc}]/u)
          assert.match(words, /[\p{L}\p{N}]/u)
          assert.ok(words.isWellFormed())
        }
      } catch (error) {
        assert.ok(error instanceof QueryError, String(error))
      }
    }),
  )
})
