import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { loadClassification } from '../../../../../../services/edge/guard/masking/classification.ts'
import { withSuggestions } from '../../../../../../services/edge/guard/masking/suggestions/classification-text.ts'
import type { Suggestion } from '../../../../../../services/edge/guard/masking/suggestions/suggestion.ts'

const phone: Suggestion = {
  entry: { column: 'public.t.phone', class: 'phone', mask: 'last4' },
  confidence: 'high',
  evidence: ['by its name', 'detector phone matched 9 of 9 values'],
}
const profile: Suggestion = {
  entry: {
    column: 'public.t."a, {b"',
    class: 'personal-data',
    json: [{ path: '$.contact.email', mask: 'token' }, { path: '$."a b"' }],
  },
  confidence: 'medium',
  evidence: ['$.contact.email email: by its name'],
}

suite('a classification with suggestions', () => {
  const changed = (text: string): string => {
    const after = withSuggestions(text, [phone, profile]) ?? ''
    const loaded = loadClassification(after, 'c.yaml')
    assert.ok(loaded.ok, after)
    assert.deepEqual(
      loaded.columns.slice(-2).map(({ column, method }) => [column, method.kind]),
      [
        ['phone', 'last4'],
        ['a, {b', 'json'],
      ],
    )
    return after
  }

  test('begins where there is none', () => {
    assert.equal(
      changed(''),
      `version: 1
columns:
  # high: by its name
  # detector phone matched 9 of 9 values
  - { column: public.t.phone, class: phone, mask: last4 }
  # medium: $.contact.email email: by its name
  - column: public.t."a, {b"
    class: personal-data
    json:
      - { path: $.contact.email, mask: token }
      - { path: $."a b" }
`,
    )
  })

  test('goes on behind the last entry, and leaves everything as it was', () => {
    for (const text of [
      'version: 1\ncolumns:\n  - { column: a.b.c, class: x }\n',
      'version: 1\ncolumns:\n- column: a.b.c # why\n  class: x\n',
      'version: 1\ncolumns:\n    -   column: a.b.c\n        class: x # y',
      '# first\ncolumns:\n  # one\n  - { class: x,   column: a.b.c } # that\n\n# end\nversion: 1\n',
      'version: 1\ncolumns: [] # none yet\n',
      'columns: []\nversion: 1\n',
    ]) {
      const after = changed(text)
      const kept = after.split('\n').filter((line) => text.split('\n').includes(line))
      const lines = text.split('\n').filter((line) => !line.startsWith('columns: []'))
      assert.deepEqual(kept.join('\n').trimEnd(), lines.join('\n').trimEnd())
    }
  })

  test('is not made of a list that is no list of lines', () => {
    assert.equal(
      withSuggestions('version: 1\ncolumns: [{ column: a.b.c, class: x }]\n', [phone]),
      null,
    )
  })

  test('stays as it is without any', () => {
    assert.equal(withSuggestions('columns: []', []), 'columns: []')
  })
})
