import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  compileSchema,
  formatProblem,
  parseYamlDocument,
} from '../../schemas/validated-document.ts'

interface Sample {
  readonly version: 1
  readonly rules: readonly { readonly id: string; readonly outcome: string }[]
}

const validator = compileSchema<Sample>({
  type: 'object',
  additionalProperties: false,
  required: ['version', 'rules'],
  properties: {
    version: { const: 1 },
    rules: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'outcome'],
        properties: {
          id: { type: 'string', pattern: '^[a-z]+$', description: 'A name in small letters.' },
          outcome: { enum: ['allow', 'block'] },
        },
      },
    },
  },
})

function problemsOf(text: string): readonly string[] {
  const parsed = parseYamlDocument(text, 'policy.yaml', validator)
  return parsed.ok ? [] : parsed.problems.map(formatProblem)
}

test('a valid document gives its value and says where each part stands', () => {
  const text = 'version: 1\nrules:\n  - id: a\n    outcome: allow\n'
  const parsed = parseYamlDocument(text, 'policy.yaml', validator)
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value, { version: 1, rules: [{ id: 'a', outcome: 'allow' }] })
  const places = [
    ['rules', 0, 'outcome'],
    ['rules', 0, 'absent'],
    ['rules', 0],
  ] as const
  assert.deepEqual(
    places.map((path) => formatProblem(parsed.at(path, 'wrong'))),
    [
      'policy.yaml:4:5 rules[0].outcome: wrong',
      'policy.yaml:3:5 rules[0].absent: wrong',
      'policy.yaml:3:5 rules[0]: wrong',
    ],
  )
})

test('every problem is reported at once, with its line, its path and what was expected', () => {
  const text = [
    'version: 2',
    'rules:',
    '  - id: a',
    '    outcome: alow',
    '  - outcom: allow',
    '    id: B',
    '  - text',
  ].join('\n')
  assert.deepEqual(problemsOf(text), [
    'policy.yaml:1:1 version: expected 1, found 2',
    'policy.yaml:4:5 rules[0].outcome: expected one of allow, block, found "alow"',
    'policy.yaml:5:5 rules[1].outcome: is required but missing',
    'policy.yaml:5:5 rules[1].outcom: unknown property; expected one of id, outcome',
    'policy.yaml:6:5 rules[1].id: expected text that matches ^[a-z]+$, found "B" (A name in small letters)',
    'policy.yaml:7:5 rules[2]: expected a map, found "text"',
  ])
})

test('what is no YAML is reported where it stands', () => {
  assert.deepEqual(problemsOf('version: 1\nversion: 1\nrules: []\n'), [
    'policy.yaml:2:1 Map keys must be unique',
  ])
  assert.match(problemsOf('rules: [\n')[0] ?? '', /^policy\.yaml:2:1 /)
  assert.deepEqual(problemsOf(''), ['policy.yaml:1:1 expected a map, found nothing'])
})

test('aliases that multiply are refused, not expanded', () => {
  const layers = Array.from({ length: 9 }, (_, i) => {
    const items = Array.from({ length: 9 }, () => (i === 0 ? 'x' : `*l${i - 1}`))
    return `l${i}: &l${i} [${items.join(', ')}]`
  })
  assert.match(problemsOf(layers.join('\n'))[0] ?? '', /alias/i)
})

test('any text gives a value or problems, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const parsed = parseYamlDocument(text, 'f.yaml', validator)
      if (parsed.ok) return
      assert.ok(parsed.problems.length > 0)
      for (const problem of parsed.problems)
        assert.match(formatProblem(problem), /^f\.yaml:\d+:\d+ ./)
    }),
  )
})
