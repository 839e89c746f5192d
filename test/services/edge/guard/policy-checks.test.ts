import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyText, problemsOf } from './policy-builders.ts'

const start = 'id: a, targets: [shop]'
const reads = 'statements: [read], relations: { read: ["*"] }'

test('each mistake in a rule is explained', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [`${start}, statements: [selct], outcome: allow`, /statements\[0\]: .*did you mean select\?/],
    [`${start}, ${reads}, outcome: hold`, /outcome: .*later release/],
    [`${start}, ${reads}, outcome: mask`, /outcome: .*later release/],
    [
      `${start}, ${reads}, outcome: alow`,
      /outcome: expected one of allow, block, hold, mask, found "alow"/,
    ],
    [`id: default, targets: [shop], ${reads}, outcome: allow`, /id: expected another id/],
    [`id: builtin-x, targets: [shop], ${reads}, outcome: allow`, /id: expected another id/],
    [`id: A B, targets: [shop], ${reads}, outcome: allow`, /id: expected text that matches/],
    [`${start}, outcome: allow`, /statements: is required in an allow rule/],
    [
      `${start}, statements: [insert], outcome: allow`,
      /can never match: insert changes a relation/,
    ],
    [`${start}, statements: [write], outcome: allow`, /can never match: insert, update, delete/],
    [`${start}, statements: [do], outcome: allow`, /can never match: do is refused/],
    [`${start}, ${reads}, when: "false", outcome: allow`, /when: this rule can never match/],
    [
      `${start}, ${reads}, when: "1 +", outcome: allow`,
      /when: expected a CEL condition: unexpected token/,
    ],
    [`${start}, ${reads}, when: actor.name == 'x', outcome: allow`, /no such key: name/],
    [`${start}, ${reads}, when: user == 'x', outcome: allow`, /unknown variable: user/],
    [`${start}, ${reads}, when: purpose, outcome: allow`, /is a string, not true or false/],
    [
      `${start}, flags: [no_where], ${reads}, outcome: allow`,
      /flags: expected only in block rules/,
    ],
    [
      `${start}, flags: [nowhere], outcome: block`,
      /flags\[0\]: unknown flag nowhere; expected one of/,
    ],
    [
      `${start}, statements: [select], relations: { write: [x] }, outcome: allow`,
      /relations\.write: has no effect/,
    ],
    [
      `${start}, actors: { kinds: [robot] }, outcome: block`,
      /actors\.kinds\[0\]: expected one of human/,
    ],
    [
      `${start}, actors: { on_behalf_of: maybe }, outcome: block`,
      /expected one of required, forbidden/,
    ],
    [
      `${start}, actors: { on_behalf_of: [] }, outcome: block`,
      /on_behalf_of: expected at least 1 item/,
    ],
    [
      `${start}, actor: { kinds: [agent] }, outcome: block`,
      /actor: unknown property; expected one of id/,
    ],
    ['id: a, targets: [], outcome: block', /targets: expected at least 1 item/],
  ]
  for (const [rule, expected] of rows) {
    const problems = problemsOf(policyText(rule))
    assert.equal(problems.length, 1, `${rule}\n${problems.join('\n')}`)
    assert.match(problems[0] ?? '', expected)
    assert.match(problems[0] ?? '', /^policy\.yaml:3:\d+ rules\[0\]\./)
  }
})

test('mistakes of shape and of meaning are reported together, in the order of the file', () => {
  const problems = problemsOf(
    policyText(
      `${start}, statements: [selct], outcome: block`,
      'id: b, targets: [], outcome: maybe',
      `${start}, outcome: block, when: nope`,
    ),
  )
  assert.deepEqual(
    problems.map((problem) => problem.replace(/:\d+ /, ' ').split(':').slice(0, 3).join(':')),
    [
      'policy.yaml:3 rules[0].statements[0]: unknown statement kind selct; did you mean select? the classes are read, write, transaction, session, ddl, maintenance, access, messaging, two_phase, code, other',
      'policy.yaml:4 rules[1].targets: expected at least 1 item',
      'policy.yaml:4 rules[1].outcome: expected one of allow, block, hold, mask, found "maybe"',
      'policy.yaml:5 rules[2].id: expected an id of its own; rules[0] is called a too',
      'policy.yaml:5 rules[2].when: expected a CEL condition',
    ],
  )
})

test('a rule that another one shadows is reported', () => {
  const problems = problemsOf(
    policyText(`${start}, ${reads}, outcome: allow`, 'id: none, targets: ["*"], outcome: block'),
  )
  assert.deepEqual(problems, [
    'policy.yaml:3:5 rules[0]: this rule can never match: rule none blocks everything on its targets',
  ])
})

test('only block is a default', () => {
  const text = `${policyText(`${start}, ${reads}, outcome: allow`)}default: allow\n`
  assert.deepEqual(problemsOf(text), ['policy.yaml:4:1 default: expected "block", found "allow"'])
  assert.deepEqual(problemsOf(text.replace('default: allow', 'default: block')), [])
})
