import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatProblem } from '../../../../../schemas/validated-document.ts'
import { loadClassification } from '../../../../../services/edge/guard/masking/classification.ts'

test('columns are read with their class, mask and use', () => {
  const result = loadClassification(
    `version: 1
columns:
  - { column: public.customers.email, class: email, mask: token }
  - { column: 'public."Odd.Table"."a ""b"""', class: note, mask: fixed, text: hidden, use: no-use }
  - { column: public.customers.ssn, class: ssn }
`,
    'shop.classification.yaml',
  )
  assert.ok(result.ok)
  const [email, odd, ssn] = result.columns
  assert.deepEqual(email?.method, { kind: 'token' })
  assert.equal(odd?.relation, 'Odd.Table')
  assert.equal(odd.column, 'a "b"')
  assert.deepEqual(odd.method, { kind: 'fixed', text: Buffer.from('hidden') })
  assert.ok(odd.isForbiddenInConditions)
  assert.deepEqual(ssn?.method, { kind: 'null' })
  assert.ok(!ssn.isForbiddenInConditions)
})

test('every mistake is said with its line', () => {
  const result = loadClassification(
    `version: 1
columns:
  - { column: customers.email, class: email }
  - { column: public.customers.ssn, class: SSN }
  - { column: public.customers.note, class: note, mask: fixed }
`,
    'c.yaml',
  )
  assert.ok(!result.ok)
  const problems = result.problems.map(formatProblem).join('\n')
  assert.match(problems, /c\.yaml:3:.*columns\[0\]\.column: .*schema\.table\.column/)
  assert.match(problems, /c\.yaml:4:.*columns\[1\]\.class/)
  assert.match(problems, /c\.yaml:5:.*columns\[2\]\.text: is required/)
})

test('a column cannot be classified twice', () => {
  const result = loadClassification(
    `version: 1
columns:
  - { column: public.a.b, class: x }
  - { column: 'public."a".b', class: y }
`,
    'c.yaml',
  )
  assert.ok(!result.ok)
  assert.match(formatProblem(result.problems[0]!), /c\.yaml:4:.* is classified already/)
})

test('a column is masked as a whole or looked through, not both', () => {
  const result = loadClassification(
    `version: 1
columns:
  - { column: public.a.b, class: free-text, detect: [card, email] }
  - { column: public.a.c, class: free-text, detect: [card], mask: last4 }
`,
    'c.yaml',
  )
  assert.ok(!result.ok)
  assert.deepEqual(result.problems.map(formatProblem).length, 1)
  assert.match(
    formatProblem(result.problems[0]!),
    /c\.yaml:4:.*mask: expected either mask or detect/,
  )
})

test('paths into JSON are read, and what is wrong with one is said', () => {
  const of = (entry: string): ReturnType<typeof loadClassification> =>
    loadClassification(
      `version: 1\ncolumns:\n  - { column: a.b.c, class: contact, ${entry} }\n`,
      'c.yaml',
    )
  const loaded = of('json: [{ path: $.contact.email, mask: token }, { path: "$.phones[*]" }]')
  assert.ok(loaded.ok)
  assert.deepEqual(loaded.columns[0]?.method, {
    kind: 'json',
    paths: [
      {
        path: '$.contact.email',
        steps: [{ member: 'contact' }, { member: 'email' }],
        method: { kind: 'token' },
      },
      { path: '$.phones[*]', steps: [{ member: 'phones' }, 'elements'], method: { kind: 'null' } },
    ],
  })
  for (const [entry, message] of [
    ['json: [{ path: $.a }], mask: token', /expected only json/],
    ['json: [{ path: email }]', /expected a path such as/],
    ['json: [{ path: $.a }, { path: $.a }]', /is classified already/],
    ['json: []', /json/],
    ['json: [{ path: $.a, mask: fixed }]', /text/],
  ] as const) {
    const refused = of(entry)
    assert.ok(!refused.ok, entry)
    assert.match(refused.problems.map((each) => `${each.path}: ${each.message}`).join(), message)
  }
})
