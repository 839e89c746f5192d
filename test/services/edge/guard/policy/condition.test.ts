import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compileCondition } from '../../../../../services/edge/guard/policy/condition.ts'
import type { Condition } from '../../../../../services/edge/guard/policy/condition.ts'
import type { ConditionValues } from '../../../../../services/edge/guard/policy/condition-values.ts'
import { compilePolicy, loadPolicy } from '../../../../../services/edge/guard/policy.ts'
import type { DecisionInput } from '../../../../../services/edge/guard/policy.ts'
import { agent, anInput, policyText, someFacts } from '../policy-builders.ts'

function condition(text: string): Condition {
  const compiled = compileCondition(text)
  assert.ok(compiled.ok, compiled.ok ? '' : `${text}: ${compiled.message}`)
  return compiled.condition
}

function value(text: string, changes: Partial<DecisionInput> = {}): boolean | null {
  return condition(text).evaluate(anInput(changes)).value
}

test('what is unknown has no value, but where the rest decides', () => {
  const rows: readonly (readonly [string, boolean | null])[] = [
    ['rows > 5', null],
    ['!(rows > 5)', null],
    ['rows == rows', null],
    ['rows in [1, 2]', null],
    ['rows > 5 || true', true],
    ["rows > 5 && target == 'crm'", false],
    ['rows > 5 ? true : true', null],
    ["kinds.exists(k, rows > 5 || k == 'select')", true],
    ["kinds.all(k, rows > 5 && k == 'insert')", false],
    ["kinds.exists_one(k, rows > 5 && k == 'select')", null],
  ]
  for (const [text, expected] of rows) assert.equal(value(text), expected, text)
  const outcome = condition("role == 'x'").evaluate(anInput({ role: null }))
  assert.deepEqual(outcome, { value: null, why: 'role is not known' })
})

test('facts with an unknown part are no facts', () => {
  const facts = someFacts({ kinds: ['select'], reads: ['shop.orders'], rows: 1, unknown: ['x'] })
  for (const text of [
    "'select' in kinds",
    "'shop.orders' in reads",
    'rows == 1',
    'size(flags) == 0',
  ]) {
    assert.equal(value(text, { facts }), null, text)
  }
})

test('names in conditions have their schema, or no value where it is open', () => {
  const rows: readonly (readonly [string, readonly string[] | undefined, boolean | null])[] = [
    ['orders', undefined, true],
    ['public.orders', undefined, true],
    ['hr.orders', undefined, false],
    ['orders', ['public', 'hr'], null],
    ['orders', ['hr'], false],
    ['orders', [], null],
    ['public.*', undefined, null],
    ['*', undefined, null],
  ]
  for (const [name, searchPath, expected] of rows) {
    const facts = someFacts({ kinds: ['select'], reads: [name], columnsRead: [`${name}.id`] })
    const input = { facts, ...(searchPath === undefined ? {} : { searchPath }) }
    assert.equal(value("'public.orders' in reads", input), expected, name)
    if (!name.includes('*')) {
      assert.equal(value("'public.orders.id' in columns_read", input), expected, name)
    }
  }
  const all = someFacts({ kinds: ['select'], reads: ['orders'], columnsRead: ['orders.*'] })
  assert.equal(value("'public.orders.id' in columns_read", { facts: all }), null)
})

test('lists that are too long to look at are unknown', () => {
  const reads = Array.from({ length: 65 }, (_, index) => `public.t${index}`)
  assert.equal(value('size(reads) > 1', { facts: someFacts({ reads }) }), null)
  assert.equal(value('size(reads) > 1', { facts: someFacts({ reads: reads.slice(1) }) }), true)
})

test('whoever acts and whoever stands behind are seen, with types', () => {
  assert.equal(value("on_behalf_of == ['olivia'] && 'dba' in groups"), false)
  const actor = { ...agent, groups: ['dba'] }
  assert.equal(value("on_behalf_of == ['olivia'] && 'dba' in groups", { actor }), true)
  const unknown = new Set(['groups', 'purpose', 'labels', 'database'] as const)
  for (const text of [
    "'dba' in groups",
    "'dba' in actor.groups",
    "purpose == ''",
    "database == 'shop'",
    'size(labels) == 0',
  ]) {
    assert.equal(value(text, { actor, unknown }), null, text)
  }
  assert.equal(value("actor.kind == 'agent'", { actor, unknown }), true)
})

const strings = fc.constantFrom("'a'", "'b'")
const lists = fc.constantFrom('groups', 'labels', 'kinds', 'on_behalf_of')
const { expression } = fc.letrec<{ expression: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    fc
      .tuple(fc.constantFrom('rows > ', 'rows == ', '5 / rows < '), fc.nat(6))
      .map((parts) => parts.join('')),
    fc
      .tuple(fc.constantFrom('role', 'purpose', 'target'), fc.constantFrom(' == ', ' != '), strings)
      .map((parts) => parts.join('')),
    fc.tuple(strings, lists).map(([text, list]) => `${text} in ${list}`),
    fc.tuple(lists, fc.nat(2)).map(([list, size]) => `size(${list}) > ${size}`),
    fc
      .tuple(lists, fc.constantFrom('exists', 'all', 'exists_one'), strings)
      .map(([list, macro, text]) => `${list}.${macro}(x, x == ${text} || rows > 3)`),
    fc.constantFrom(
      'actor.groups.exists(g, g == role)',
      'role in groups',
      'kinds.filter(k, k == purpose).size() == 0',
    ),
  ),
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('atom').map((atom) => `(${atom})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('&&', '||', '=='), tie('expression'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('expression').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
}))

const someStrings = fc.subarray(['a', 'b', 'c'])
const knownValues = fc.record({
  rows: fc.bigInt(0n, 6n),
  role: fc.constantFrom('a', 'b'),
  purpose: fc.constantFrom('', 'a'),
  target: fc.constantFrom('a', 'b'),
  groups: someStrings,
  labels: someStrings,
  kinds: someStrings,
  on_behalf_of: someStrings,
})
const variables = [
  'rows',
  'role',
  'purpose',
  'target',
  'groups',
  'labels',
  'kinds',
  'on_behalf_of',
] as const

test('a value that was found without knowing everything stays, whatever the unknown turns out to be', () => {
  let found = 0
  fc.assert(
    fc.property(expression, knownValues, fc.subarray([...variables]), (text, known, hidden) => {
      const result = compileCondition(text)
      // Some are longer than a condition may be.
      fc.pre(result.ok || !result.message.includes('at most 8'))
      const compiled = condition(text)
      const full: ConditionValues = { ...known, actor: { groups: known.groups } }
      const partly: Record<string, unknown> = { ...full }
      for (const name of hidden) delete partly[name]
      if (hidden.includes('groups')) delete partly['actor']
      const before = compiled.evaluateWith(partly).value
      const after = compiled.evaluateWith(full).value
      if (before === null) return
      found += hidden.length > 0 ? 1 : 0
      assert.equal(after, before, text)
    }),
    { numRuns: 3000 },
  )
  assert.ok(found > 300, `only ${found} values were found without knowing everything`)
})

const severity = ['allow', 'mask', 'hold', 'block']
const rules = fc
  .array(fc.tuple(expression, fc.constantFrom('allow', 'mask', 'hold', 'block')), {
    minLength: 1,
    maxLength: 5,
  })
  .map((drawn) => [
    'id: base, targets: ["*"], statements: [read, insert], relations: { read: ["*"], write: ["*"] }, outcome: allow',
    ...drawn.map(
      ([when, outcome], index) =>
        `id: r${index}, targets: ["*"], ${outcome === 'allow' ? 'statements: [read, update], relations: { read: ["*"], write: ["*"] }, ' : ''}when: ${JSON.stringify(when)}, outcome: ${outcome}${outcome === 'hold' ? ', approval: { role: dba }' : ''}${outcome === 'mask' ? ', mask: { classes: [card] }' : ''}`,
    ),
  ])

test('knowing less never makes a decision milder', () => {
  const inputs = fc.record({
    kinds: fc.constantFrom(['select'], ['select', 'update'], ['update']),
    rows: fc.option(fc.nat(6), { nil: null }),
    role: fc.option(fc.constantFrom('a', 'b'), { nil: null }),
    purpose: fc.constantFrom(null, 'a'),
    groups: someStrings,
    labels: someStrings,
    hidden: fc.subarray(['groups', 'purpose', 'labels', 'rows', 'role', 'facts'] as const),
  })
  let milder = 0
  fc.assert(
    fc.property(rules, inputs, (texts, drawn) => {
      const loaded = loadPolicy(policyText(...texts.slice(1)), 'p.yaml')
      const withBase = loadPolicy(policyText(...texts), 'p.yaml')
      // Conditions that can never hold are refused at check.
      fc.pre(loaded.ok && withBase.ok)
      for (const { policy } of [loaded, withBase]) {
        const compiled = compilePolicy(policy)
        const { hidden } = drawn
        const facts = someFacts({ kinds: drawn.kinds, rows: drawn.rows })
        const actor = { ...agent, groups: drawn.groups }
        const known = anInput({
          actor,
          facts,
          role: drawn.role,
          purpose: drawn.purpose,
          labels: drawn.labels,
        })
        const less: DecisionInput = {
          ...known,
          facts: {
            ...facts,
            rows: hidden.includes('rows') ? null : facts.rows,
            unknown: hidden.includes('facts') ? ['x'] : [],
          },
          role: hidden.includes('role') ? null : known.role,
          unknown: new Set(
            hidden.filter((name) => name !== 'rows' && name !== 'role' && name !== 'facts'),
          ),
        }
        const before = severity.indexOf(compiled.decide(known).outcome)
        const after = severity.indexOf(compiled.decide(less).outcome)
        assert.ok(after >= before, `${severity[after]} instead of ${severity[before]}`)
        if (after > before) milder += 1
      }
    }),
    { numRuns: 1500 },
  )
  assert.ok(milder > 50, `knowing less mattered only ${milder} times`)
})

test('the time of a condition is bounded by what it may hold', () => {
  const one = "reads.all(a, writes.all(b, a + b != 'x'))"
  const four = Array.from({ length: 4 }, () => one).join(' && ')
  const five = compileCondition(`${four} && ${one}`)
  assert.ok(!five.ok)
  assert.match(five.message, /there are 10 of exists, .*; at most 8/)
  const reads = Array.from({ length: 64 }, (_, index) => `public.t${index}`)
  const facts = someFacts({ reads, writes: reads })
  assert.equal(value(four, { facts }), true)
})

test('no text is too much for the compiler', () => {
  const words = fc.constantFrom(
    'kinds',
    '(',
    ')',
    '!',
    '&&',
    '||',
    '?',
    ':',
    '.',
    'exists',
    ',',
    'x',
    "'a'",
    '[',
    ']',
    '1',
    '/',
    '-',
    '==',
    'in',
    'now',
    'matches',
    '{',
    '}',
    '@',
    '\\',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words, { maxLength: 60 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const compiled = compileCondition(text)
        if (compiled.ok) compiled.condition.evaluate(anInput())
        else assert.notEqual(compiled.message, '')
      },
    ),
    { numRuns: 3000 },
  )
  for (const text of [
    '('.repeat(5000),
    `${'!'.repeat(5000)}true`,
    `${'['.repeat(300)}${']'.repeat(300)} == []`,
    '1+'.repeat(2000) + '1 == 1',
  ]) {
    assert.ok(!compileCondition(text).ok)
  }
})
