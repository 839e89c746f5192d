import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyText, problemsOf } from './policy-builders.ts'

const start = 'id: a, targets: [shop]'
const reads = 'statements: [read], relations: { read: ["*"] }'

test('each mistake in a rule is explained', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [`${start}, statements: [selct], outcome: allow`, /statements\[0\]: .*did you mean select\?/],
    [`${start}, ${reads}, outcome: hold`, /approval: is required in a hold rule/],
    [`${start}, ${reads}, outcome: mask`, /mask: is required in a mask rule/],
    [
      `${start}, ${reads}, approval: { role: dba }, outcome: allow`,
      /approval: expected only in hold rules; the outcome of this one is allow/,
    ],
    [
      `${start}, ${reads}, mask: { classes: [card] }, outcome: block`,
      /mask: expected only in mask rules; the outcome of this one is block/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, approvers: 3 }, outcome: hold`,
      /approval\.approvers: expected a number <= 2, found 3/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, break_glass: { review_within_hours: 24 } }, outcome: hold`,
      /approval\.break_glass\.role: is required but missing/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, break_glass: { role: a, review_within_hours: 169 } }, outcome: hold`,
      /review_within_hours: expected a number <= 168, found 169/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, wait_seconds: 0 }, outcome: hold`,
      /approval\.wait_seconds: expected a number >= 1, found 0/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, wait_seconds: 601 }, outcome: hold`,
      /approval\.wait_seconds: expected a number <= 600, found 601/,
    ],
    [
      `${start}, ${reads}, approval: { role: dba, expires_seconds: 30, wait_seconds: 31 }, outcome: hold`,
      /approval\.wait_seconds: expected at most the 30 seconds in which it may be answered/,
    ],
    [
      `${start}, columns: { read: [ssn] }, outcome: block`,
      /columns\.read\[0\]: expected text that matches .*relation\.column/,
    ],
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
    [
      `${start}, ${reads}, when: rows > 'x', outcome: allow`,
      /when: expected a CEL condition: no such overload/,
    ],
    [
      `${start}, ${reads}, when: "actor.on_behalf_of.exists(p, p.nam == 'x')", outcome: allow`,
      /no such key: nam \(character/,
    ],
    [
      `${start}, ${reads}, when: "purpose.matches('(a+)+$')", outcome: allow`,
      /matches\(\) cannot be used/,
    ],
    [
      `${start}, ${reads}, when: "cel.bind(x, kinds, size(x) > 0)", outcome: allow`,
      /\.bind\(\) cannot be used/,
    ],
    [
      `${start}, ${reads}, when: "(kinds + kinds).exists(k, k == 'select')", outcome: allow`,
      /\.exists\(\) takes a variable/,
    ],
    [
      `${start}, ${reads}, when: "kinds.all(a, reads.all(b, flags.all(c, a + b == c)))", outcome: allow`,
      /at most 2 deep/,
    ],
    [
      `${start}, ${reads}, when: "now.getHours('Mars/Olympus') > 8", outcome: allow`,
      /no time zone Mars\/Olympus/,
    ],
    [
      `${start}, ${reads}, when: "now > timestamp('soon')", outcome: allow`,
      /timestamp\(\) requires/,
    ],
    [`${start}, ${reads}, when: "1 / 0 == 1", outcome: allow`, /division by zero/],
    [
      `${start}, ${reads}, when: "1 < 2", outcome: allow`,
      /has no effect: the condition is always true/,
    ],
    [
      `${start}, ${reads}, when: "target == 'shopp'", outcome: allow`,
      /false for all of its targets/,
    ],
    [
      `${start}, actors: { kinds: [agent] }, ${reads}, when: "rows > 5 && actor.kind == 'human'", outcome: hold, approval: { role: dba }`,
      /false for all of its targets and actors/,
    ],
    [
      `${start}, ${reads}, when: "'delete' in kinds && rows < 5", outcome: allow`,
      /delete is none of the statements that it allows/,
    ],
    [
      `${start}, ${reads}, when: "'selct' in kinds", outcome: allow`,
      /unknown statement kind selct; did you mean select\?/,
    ],
    [`${start}, ${reads}, when: "!('nowhere' in flags)", outcome: allow`, /unknown flag nowhere/],
    [
      `${start}, ${reads}, when: "'orders' in reads", outcome: allow`,
      /schema\.relation, so orders is never/,
    ],
    [
      `${start}, ${reads}, when: "'orders.id' in columns_read", outcome: allow`,
      /schema\.relation\.column/,
    ],
    [`${start}, ${reads}, when: purpose, outcome: allow`, /is a string, not true or false/],
    [
      `${start}, flags: [no_where], ${reads}, outcome: allow`,
      /flags: expected only in block, hold and mask rules/,
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

test('a mask beside no rule that lets through what it is about is reported', () => {
  const allow =
    'id: allow, targets: [shop], actors: { kinds: [human], on_behalf_of: forbidden }, statements: [read], relations: { read: ["*"] }, outcome: allow'
  const masks: readonly (readonly [mask: string, isReported: boolean])[] = [
    ['targets: [shop]', false],
    ['targets: [s*], statements: [select, insert], actors: { groups: [ops] }', false],
    ['targets: [crm]', true],
    ['targets: [shop], statements: [write, ddl]', true],
    ['targets: [shop], actors: { kinds: [agent] }', true],
    ['targets: [shop], actors: { on_behalf_of: required }', true],
  ]
  for (const [mask, isReported] of masks) {
    const problems = problemsOf(
      policyText(allow, `id: mask, ${mask}, outcome: mask, mask: { classes: ['*'] }`),
    )
    assert.equal(problems.length, isReported ? 1 : 0, `${mask}: ${problems.join()}`)
    if (isReported) assert.match(problems[0] ?? '', /a mask lets nothing through by itself/)
  }
})

test('a rule that another one shadows is reported', () => {
  const shadows: readonly (readonly [readonly string[], string | null])[] = [
    [
      [`${start}, ${reads}, outcome: allow`, 'id: none, targets: ["*"], outcome: block'],
      'rules[0]: this rule can never match: rule none blocks everything that it is about',
    ],
    [
      [
        `${start}, ${reads}, outcome: hold, approval: { role: dba }`,
        'id: none, targets: [s*], statements: [read, write], outcome: block',
      ],
      'rules[0]: this rule can never match: rule none blocks everything that it is about',
    ],
    [
      [
        'id: wide, targets: ["*"], statements: [read], relations: { read: [shop.*] }, outcome: allow',
        'id: narrow, targets: [shop], actors: { groups: [dba] }, statements: [select], relations: { read: [shop.o*] }, outcome: allow',
      ],
      'rules[1]: this rule can never match: rule wide stands before it and allows all that it allows',
    ],
    // In the other order the narrow one says more.
    [
      [
        'id: narrow, targets: [shop], statements: [select], relations: { read: [shop.o*] }, outcome: allow',
        'id: wide, targets: ["*"], statements: [read], relations: { read: [shop.*] }, outcome: allow',
      ],
      null,
    ],
    [
      [
        'id: some, targets: ["*"], actors: { kinds: [agent] }, statements: [read], relations: { read: ["*"] }, outcome: allow',
        `${start}, ${reads}, outcome: allow`,
      ],
      null,
    ],
    [
      [
        'id: columns, targets: ["*"], statements: [read], relations: { read: ["*"] }, columns: { read: [a.b] }, outcome: allow',
        `${start}, ${reads}, outcome: allow`,
      ],
      null,
    ],
    [
      [
        `${start}, ${reads}, outcome: allow`,
        'id: none, targets: ["*"], when: "rows > 5", outcome: block',
      ],
      null,
    ],
  ]
  for (const [rules, expected] of shadows) {
    const problems = problemsOf(policyText(...rules)).map((problem) => problem.replace(/^\S+ /, ''))
    assert.deepEqual(problems, expected === null ? [] : [expected], rules.join('\n'))
  }
})

test('only block is a default', () => {
  const text = `${policyText(`${start}, ${reads}, outcome: allow`)}default: allow\n`
  assert.deepEqual(problemsOf(text), ['policy.yaml:4:1 default: expected "block", found "allow"'])
  assert.deepEqual(problemsOf(text.replace('default: allow', 'default: block')), [])
})
