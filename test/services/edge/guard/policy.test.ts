// Over 400 lines: what a policy decides, case by case, in one place.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { factFlags, statementKinds } from '../../../../services/edge/guard/facts.ts'
import type { Facts } from '../../../../services/edge/guard/facts.ts'
import { compilePolicy, loadPolicy } from '../../../../services/edge/guard/policy.ts'
import type { DecisionInput } from '../../../../services/edge/guard/policy.ts'
import { agent, anInput, aPolicy, person, policyText, someFacts } from './policy-builders.ts'

const reading =
  'id: read, targets: [shop], statements: [read], relations: { read: [shop.*] }, outcome: allow'

type Row = readonly [
  what: string,
  rules: readonly string[],
  input: Partial<DecisionInput>,
  outcome: 'allow' | 'block',
  ruleIds: readonly string[],
]

const table: readonly Row[] = [
  ['a read that a rule covers', [reading], {}, 'allow', ['read']],
  ['a read on another target', [reading], { target: 'crm' }, 'block', ['default']],
  [
    'a read that only a mask covers',
    [
      reading,
      'id: mask, targets: [shop], statements: [read], relations: { read: ["*"] }, outcome: mask, mask: { classes: ["*"] }',
    ],
    { facts: someFacts({ kinds: ['select'], reads: ['hr.pay'] }) },
    'block',
    ['default'],
  ],
  [
    'a kind that is not listed',
    [reading],
    { facts: someFacts({ kinds: ['select', 'delete'], reads: ['shop.orders'] }) },
    'block',
    ['default'],
  ],
  [
    'one of two relations that is not covered',
    [reading],
    { facts: someFacts({ kinds: ['select'], reads: ['shop.orders', 'hr.pay'] }) },
    'block',
    ['default'],
  ],
  [
    'relations that only two rules together cover',
    [
      reading,
      'id: more, targets: [shop], statements: [read], relations: { read: [hr.*] }, outcome: allow',
    ],
    { facts: someFacts({ kinds: ['select'], reads: ['shop.orders', 'hr.pay'] }) },
    'block',
    ['default'],
  ],
  [
    'a write by a rule that names no relation to write',
    [reading],
    { facts: someFacts({ kinds: ['select'], writes: ['shop.orders'] }) },
    'block',
    ['default'],
  ],
  [
    'a function that no rule names',
    [reading],
    { facts: someFacts({ kinds: ['select'], functions: ['purge'], unlistedFunctions: ['purge'] }) },
    'block',
    ['default'],
  ],
  [
    'a function that the rule names, written with its schema',
    [reading.replace('outcome', 'functions: [pg_sleep], outcome')],
    {
      facts: someFacts({
        kinds: ['select'],
        functions: ['pg_catalog.pg_sleep'],
        unlistedFunctions: ['pg_catalog.pg_sleep'],
      }),
    },
    'allow',
    ['read'],
  ],
  [
    'a namesake of an allowed function in another schema',
    [reading.replace('outcome', 'functions: [pg_sleep], outcome')],
    {
      facts: someFacts({
        kinds: ['select'],
        functions: ['x.pg_sleep'],
        unlistedFunctions: ['x.pg_sleep'],
      }),
    },
    'block',
    ['default'],
  ],
  [
    'what is unknown',
    ['id: all, targets: ["*"], statements: [read], relations: { read: ["*"] }, outcome: allow'],
    { facts: someFacts({ kinds: ['select'], unknown: ['the meaning of FooStmt'] }) },
    'block',
    ['builtin/unknown'],
  ],
  [
    'a block besides an allow',
    [reading, 'id: no-orders, targets: [shop], relations: { read: [shop.orders] }, outcome: block'],
    {},
    'block',
    ['no-orders'],
  ],
  [
    'all blocks that match are named',
    [
      reading,
      'id: a, targets: ["*"], statements: [select], outcome: block',
      'id: b, targets: ["sh*"], outcome: block, actors: { kinds: [agent] }',
    ],
    {},
    'block',
    ['a', 'b'],
  ],
  [
    'a block whose selectors match only in part',
    [
      reading,
      'id: a, targets: ["*"], statements: [delete], relations: { read: [shop.orders] }, outcome: block',
    ],
    {},
    'allow',
    ['read'],
  ],
  [
    'a block of a function also stops namesakes',
    [reading, 'id: a, targets: ["*"], functions: [dblink*], outcome: block'],
    {
      facts: someFacts({
        kinds: ['select'],
        functions: ['public.dblink_exec'],
        unlistedFunctions: [],
      }),
    },
    'block',
    ['a'],
  ],
  [
    'a flag',
    [reading, 'id: a, targets: ["*"], flags: [multi_statement], outcome: block'],
    { facts: someFacts({ kinds: ['select'], flags: ['multi_statement'] }) },
    'block',
    ['a'],
  ],
  [
    'a message without a statement',
    [reading],
    { facts: someFacts({}) },
    'allow',
    ['builtin/empty'],
  ],
]

test('a policy decides so', () => {
  for (const [what, rules, input, outcome, ruleIds] of table) {
    const verdict = aPolicy(...rules).decide(anInput(input))
    assert.deepEqual([verdict.outcome, verdict.ruleIds], [outcome, ruleIds], what)
    assert.deepEqual(verdict.obligations, [])
  }
})

test('what rules say about the actor all must be true', () => {
  const rule = (actors: string): string =>
    `id: r, targets: [shop], actors: { ${actors} }, statements: [read], relations: { read: ["*"] }, outcome: allow`
  const human: DecisionInput['actor'] = { ...person, groups: ['operations'], on_behalf_of: [] }
  const rows: readonly (readonly [string, DecisionInput['actor'], 'allow' | 'block'])[] = [
    ['kinds: [agent]', agent, 'allow'],
    ['kinds: [agent]', human, 'block'],
    ['kinds: [human], groups: [operations]', human, 'allow'],
    ['kinds: [human], groups: [security]', human, 'block'],
    ['subjects: [shop-*]', agent, 'allow'],
    ['subjects: [other]', agent, 'block'],
    ['on_behalf_of: required', agent, 'allow'],
    ['on_behalf_of: required', { ...agent, on_behalf_of: [] }, 'block'],
    ['on_behalf_of: forbidden', agent, 'block'],
    ['on_behalf_of: [olivia]', agent, 'allow'],
    ['on_behalf_of: [sam]', agent, 'block'],
  ]
  for (const [actors, actor, outcome] of rows) {
    assert.equal(aPolicy(rule(actors)).decide(anInput({ actor })).outcome, outcome, actors)
  }
})

test('a bare name is allowed where its every meaning is, and blocked where any is', () => {
  const bare = (searchPath?: readonly string[]): Partial<DecisionInput> => ({
    facts: someFacts({ kinds: ['select'], reads: ['orders'] }),
    ...(searchPath === undefined ? {} : { searchPath }),
  })
  const outcome = (rules: readonly string[], input: Partial<DecisionInput>): string =>
    aPolicy(...rules).decide(anInput(input)).outcome
  const all =
    'id: all, targets: ["*"], statements: [read], relations: { read: ["*"] }, outcome: allow'
  const publicOnly = reading.replace('shop.*', 'public.*')
  assert.equal(outcome([reading], bare()), 'block')
  assert.equal(outcome([publicOnly], bare()), 'allow')
  assert.equal(outcome([reading], bare(['shop'])), 'allow')
  assert.equal(outcome([reading], bare(['shop', 'public'])), 'block')
  assert.equal(outcome([reading], bare([])), 'block')
  assert.equal(outcome([reading.replace('shop.*', 'orders')], bare(['x'])), 'allow')
  const block = 'id: b, targets: ["*"], relations: { read: [hr.orders] }, outcome: block'
  assert.equal(outcome([all, block], bare()), 'block')
  const blockSchema = block.replace('hr.orders', 'hr.*')
  assert.equal(outcome([all, blockSchema], bare()), 'allow')
  assert.equal(outcome([all, blockSchema], bare(['public', 'hr'])), 'block')
})

test('what is not named is covered only by a rule for everything, and touched by every block', () => {
  const outcome = (list: string, kind: 'allow' | 'block', name: string): string => {
    const facts = someFacts({ kinds: ['drop'], writes: [name] })
    const rule = `id: r, targets: [shop], statements: [ddl], relations: { write: ["${list}"] }`
    const all =
      'id: all, targets: [shop], statements: [ddl], relations: { write: ["*"] }, outcome: allow'
    const rules = kind === 'allow' ? [`${rule}, outcome: allow`] : [all, `${rule}, outcome: block`]
    return aPolicy(...rules).decide(anInput({ facts })).outcome
  }
  for (const name of ['*', 'shop.*']) {
    assert.equal(outcome('*', 'allow', name), 'allow')
    assert.equal(outcome('shop.orders', 'allow', name), 'block')
    assert.equal(outcome('shop.orders', 'block', name), 'block')
    assert.equal(outcome('orders', 'block', name), 'block')
  }
  assert.equal(outcome('shop.*', 'allow', 'shop.*'), 'allow')
  assert.equal(outcome('shop.*', 'allow', '*'), 'block')
  assert.equal(outcome('hr.*', 'block', 'shop.*'), 'allow')
})

test('a condition without a value opens no allow and no hole in a block', () => {
  const divides = `when: "size(kinds) / (size(labels) - 0) > 0"`
  const allow = `id: a, targets: [shop], statements: [read], relations: { read: ["*"] }, ${divides}, outcome: allow`
  const block = `id: b, targets: [shop], ${divides}, outcome: block`
  assert.deepEqual(aPolicy(allow).decide(anInput()).ruleIds, ['default'])
  assert.deepEqual(aPolicy(allow).decide(anInput({ labels: ['pii'] })).ruleIds, ['a'])
  assert.deepEqual(aPolicy(reading, block).decide(anInput()).ruleIds, ['b'])
})

test('conditions see actor, facts, purpose and time', () => {
  const when = (condition: string): string =>
    `id: a, targets: [shop], statements: [read], relations: { read: ["*"] }, when: ${JSON.stringify(condition)}, outcome: allow`
  const holds = (condition: string): boolean =>
    aPolicy(when(condition)).decide(anInput({ purpose: 'ticket 7', labels: ['pii'] })).outcome ===
    'allow'
  assert.ok(holds("actor.kind == 'agent' && actor.on_behalf_of.exists(p, p.subject == 'olivia')"))
  assert.ok(holds("target == 'shop' && database == 'shop' && 'pii' in labels"))
  assert.ok(holds("kinds.all(k, k == 'select') && reads == ['shop.orders'] && size(writes) == 0"))
  assert.ok(holds("purpose.startsWith('ticket')"))
  assert.ok(holds('now.getHours() == 12'))
  assert.ok(!holds('now.getHours() > 12'))
  assert.equal(aPolicy(when('now.getHours() == 12')).usesTime, true)
  assert.equal(aPolicy(reading).usesTime, false)
})

test('the built-in rules stand above every policy', () => {
  const everything = `id: all, targets: ["*"], statements: [${statementKinds.filter((kind) => !['do', 'load', 'alter_system', 'other'].includes(kind)).join(', ')}], relations: { read: ["*"], write: ["*"] }, functions: ["*"], outcome: allow`
  const policy = aPolicy(everything)
  const expected: readonly (readonly [Facts['flags'][number], string])[] = [
    ['lexer_setting', 'builtin/lexer-settings'],
    ['search_path', 'builtin/search-path'],
    ['role_change', 'builtin/role-change'],
    ['copy_program', 'builtin/copy-program'],
    ['server_file', 'builtin/server-files'],
    ['server_code', 'builtin/server-code'],
  ]
  for (const [flag, id] of expected) {
    const verdict = policy.decide(
      anInput({ facts: someFacts({ kinds: ['select'], flags: [flag] }) }),
    )
    assert.deepEqual([verdict.outcome, verdict.ruleIds], ['block', [id]])
  }
})

test('the digest is the SHA-256 of the file, and stands in every verdict', () => {
  const text = policyText(reading)
  const digest = createHash('sha256').update(text).digest('hex')
  const loaded = loadPolicy(text, 'p.yaml')
  assert.ok(loaded.ok)
  const policy = compilePolicy(loaded.policy)
  assert.equal(policy.digest, digest)
  assert.equal(policy.digestBytes.toString('hex'), digest)
  assert.equal(policy.decide(anInput()).policyDigest, digest)
  assert.deepEqual(policy.refuse('not SQL'), {
    outcome: 'block',
    ruleIds: ['builtin/unparseable'],
    policyDigest: digest,
    reason: 'not SQL',
    obligations: [],
  })
})

test('the reason says what a rule would have to allow', () => {
  const facts = someFacts({
    kinds: ['update'],
    reads: ['a'],
    writes: ['a'],
    unlistedFunctions: ['f'],
  })
  assert.equal(
    aPolicy(reading).decide(anInput({ facts })).reason,
    'no rule of the policy allows all of it: update; reading a; writing a; calling f',
  )
  const block = 'id: b, targets: ["*"], outcome: block, statements: [ddl], reason: ask the owner'
  const drop = someFacts({ kinds: ['drop'] })
  assert.equal(aPolicy(reading, block).decide(anInput({ facts: drop })).reason, 'ask the owner')
})

const names = fc.constantFrom('shop.orders', 'orders', 'hr.pay', 'pg_catalog.pg_class', 'f', 'x.f')
const someNames = fc.uniqueArray(names, { maxLength: 3 })
const arbitraryFacts: fc.Arbitrary<Facts> = fc.record({
  kinds: fc.uniqueArray(fc.constantFrom(...statementKinds), { maxLength: 3 }),
  reads: someNames,
  writes: someNames,
  columnsRead: fc.constant([]),
  columnsWritten: fc.constant([]),
  rows: fc.constant(null),
  functions: someNames,
  unlistedFunctions: someNames,
  flags: fc.uniqueArray(fc.constantFrom(...factFlags), { maxLength: 2 }),
  unknown: fc.constantFrom([], [], [], ['x']),
})
const patterns = fc
  .uniqueArray(fc.constantFrom('shop.*', '*', 'hr.pay', 'orders', 'f'), {
    minLength: 1,
    maxLength: 2,
  })
  .map((list) => `[${list.map((text) => JSON.stringify(text)).join(', ')}]`)
const kindLists = fc
  .uniqueArray(fc.constantFrom('select', 'insert', 'drop', 'begin', 'set'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((list) => `[${list.join(', ')}]`)
const allowRules = fc
  .tuple(kindLists, patterns, patterns, patterns)
  .map(
    ([kinds, reads, writes, functions]) =>
      `targets: ["*"], statements: ${kinds}, relations: { read: ${reads}, write: ${writes} }, functions: ${functions}, outcome: allow`,
  )
const blockRules = fc
  .tuple(kindLists, patterns)
  .map(
    ([kinds, reads]) =>
      `targets: ["*"], statements: ${kinds}, relations: { read: ${reads} }, outcome: block`,
  )
const ruleSets = fc
  .tuple(
    fc.array(blockRules, { maxLength: 3 }),
    fc.array(allowRules, { minLength: 1, maxLength: 3 }),
  )
  .map(([blocks, allows]) => [...blocks, ...allows].map((rule, index) => `id: r${index}, ${rule}`))

/** Policies with a useless `relations.write` are refused at check; those are not of interest here. */
function compiled(rules: readonly string[]): ReturnType<typeof compilePolicy> {
  const loaded = loadPolicy(policyText(...rules), 'p.yaml')
  fc.pre(loaded.ok)
  return compilePolicy(loaded.policy)
}

test('no allow rule that is added turns a block by a block rule into an allow', () => {
  fc.assert(
    fc.property(ruleSets, allowRules, arbitraryFacts, (rules, added, facts) => {
      const before = compiled(rules).decide(anInput({ facts }))
      fc.pre(before.outcome === 'block' && !before.ruleIds.includes('default'))
      const after = compiled([...rules, `id: added, ${added}`]).decide(anInput({ facts }))
      assert.deepEqual([after.outcome, after.ruleIds], ['block', before.ruleIds])
    }),
    { numRuns: 60 },
  )
})

test('unknown facts never satisfy an allow', () => {
  fc.assert(
    fc.property(ruleSets, arbitraryFacts, fc.string({ minLength: 1 }), (rules, facts, what) => {
      const verdict = compiled(rules).decide(anInput({ facts: { ...facts, unknown: [what] } }))
      assert.equal(verdict.outcome, 'block')
    }),
    { numRuns: 60 },
  )
})

test('an allow rule allows exactly what it covers', () => {
  const kinds = fc.uniqueArray(fc.constantFrom('select', 'update', 'begin'), { minLength: 1 })
  const relations = fc.uniqueArray(fc.constantFrom('a.x', 'a.y', 'b.x'), { maxLength: 3 })
  const covers = (list: readonly string[], name: string): boolean =>
    list.includes(name) || (list.includes('a.*') && name.startsWith('a.'))
  const lists = fc.uniqueArray(fc.constantFrom('a.*', 'a.x', 'b.x'), { minLength: 1 })
  fc.assert(
    fc.property(kinds, lists, lists, kinds, relations, relations, (...drawn) => {
      const [ruleKinds, ruleReads, ruleWrites, factKinds, reads, writes] = drawn
      const all = ['update', ...ruleKinds]
      const rule = `id: r, targets: [shop], statements: [${[...new Set(all)].join(', ')}], relations: { read: [${ruleReads.join(', ')}], write: [${ruleWrites.join(', ')}] }, outcome: allow`
      const facts = someFacts({ kinds: factKinds, reads, writes })
      const isCovered =
        factKinds.every((kind) => all.includes(kind)) &&
        reads.every((name) => covers(ruleReads, name)) &&
        writes.every((name) => covers(ruleWrites, name))
      assert.equal(aPolicy(rule).decide(anInput({ facts })).outcome, isCovered ? 'allow' : 'block')
    }),
  )
})
