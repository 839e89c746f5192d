import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from '../../../../../schemas/validated-document.ts'
import { compilePolicy, loadPolicy } from '../../../../../services/edge/guard/policy.ts'
import type { CompiledPolicy } from '../../../../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { outcomeOf } from '../../../../../services/edge/postgres/statements/statement-policy.ts'
import { StatementCache } from '../../../../../services/edge/postgres/statements/statements.ts'
import type { StatementSubject } from '../../../../../services/edge/postgres/statements/statement-policy.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { demoPolicyWithoutMasks } from './demo-policy.ts'

const grammar = await loadGrammar()

function compiled(text: string): CompiledPolicy {
  const loaded = loadPolicy(text, 'policy.yaml')
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'))
  return compilePolicy(loaded.policy)
}

const demo = compiled(await demoPolicyWithoutMasks())

const reading = `version: 1
rules:
  - id: read
    targets: [shop]
    statements: [select, prepare, execute, deallocate]
    relations: { read: [public.*] }
    outcome: allow
`

const issuer = 'https://issuer.test'
const olivia = { kind: 'human', subject: 'olivia', issuer, display: null } as const

const agent: StatementSubject = {
  actor: {
    kind: 'agent',
    subject: 'shop-agent',
    issuer,
    display: null,
    groups: [],
    on_behalf_of: [olivia],
    client: null,
    runtime: null,
  },
  target: 'shop',
  database: 'shop',
  searchPath: null,
  purpose: null,
  dataLabels: [],
}

const human: StatementSubject = {
  ...agent,
  actor: { ...agent.actor, ...olivia, groups: ['operations'], on_behalf_of: [] },
}

function decided(policies: PolicyInForce, nowMs = () => 0): RulePolicy {
  return new RulePolicy({ grammar, policies, clock: { nowMs, nowUs: () => nowMs() * 1000 } })
}

test('the demo’s agent does its work and nothing else', () => {
  const policy = decided(new PolicyInForce(demo))
  const rows: readonly (readonly [string, string])[] = [
    ['SELECT status, count(*) FROM orders GROUP BY status', 'agents-work-on-the-shop'],
    ['SELECT * FROM revenue_by_month ORDER BY month DESC LIMIT 6', 'agents-work-on-the-shop'],
    ['BEGIN', 'agents-work-on-the-shop'],
    [
      'UPDATE products SET stock = stock + $1 WHERE sku = (SELECT sku FROM products LIMIT 1) RETURNING sku',
      'agents-work-on-the-shop',
    ],
    [
      'INSERT INTO support_tickets (customer_id, opened_at) VALUES ($1, now()) RETURNING id',
      'agents-work-on-the-shop',
    ],
    ['COPY (SELECT id FROM open_tickets) TO STDOUT WITH (FORMAT csv)', 'agents-work-on-the-shop'],
    ['COPY support_tickets (customer_id) FROM STDIN', 'agents-work-on-the-shop'],
    ['SELECT pg_sleep(60)', 'agents-work-on-the-shop'],
    ['DROP TABLE customers', 'no-ddl-for-agents'],
    ['SELECT salary_eur FROM employees', 'no-salaries-or-cards-for-agents'],
    ['SELECT card_number FROM public.payment_cards', 'no-salaries-or-cards-for-agents'],
    ['DELETE FROM orders', 'agents-delete-with-approval'],
    ['', 'builtin/empty'],
  ]
  for (const [text, rule] of rows) {
    const verdict = policy.decide(text, agent)
    assert.deepEqual(verdict.ruleIds, [rule], text)
    const isAllowed = rule === 'agents-work-on-the-shop' || rule === 'builtin/empty'
    assert.equal(verdict.refusal === null, isAllowed, text)
  }
  const alone = { ...agent, actor: { ...agent.actor, on_behalf_of: [] } }
  assert.deepEqual(policy.decide('SELECT 1', alone).ruleIds, ['default'])
})

test('the demo’s people of operations look, also with psql’s \\d, and change nothing', () => {
  const policy = decided(new PolicyInForce(demo))
  const psqlDescribe = `SELECT n.nspname as "Schema", c.relname as "Name",
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as "Type", pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
  FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r','p','') AND n.nspname !~ '^pg_toast' AND c.relname OPERATOR(pg_catalog.~) '^(orders)$' COLLATE pg_catalog.default
    AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2`
  for (const text of [
    'TABLE employees',
    psqlDescribe,
    'COPY orders TO STDOUT',
    "SET DateStyle = 'ISO'",
  ]) {
    assert.deepEqual(policy.decide(text, human).ruleIds, ['operations-read-the-shop'], text)
  }
  for (const text of ['UPDATE orders SET status = $1', 'DROP TABLE orders', 'SELECT purge()']) {
    assert.deepEqual(policy.decide(text, human).ruleIds, ['default'], text)
  }
})

test('a refusal says which rule and why; a syntax error reads like the server’s', () => {
  const policy = decided(new PolicyInForce(demo))
  assert.deepEqual(policy.decide('DROP TABLE customers', agent).refusal, {
    kind: 'blocked',
    message:
      'blocked by policy (no-ddl-for-agents): agents do not change or drop tables; ask the owner of the database',
  })
  const wrong = policy.decide('SELECT 1 FROM', agent)
  assert.deepEqual(wrong.refusal, {
    kind: 'syntax',
    message: 'syntax error at end of input',
    position: 14,
  })
  assert.deepEqual(wrong.ruleIds, ['builtin/unparseable'])
  assert.match(policy.decide('SELECT 1\0', agent).refusal?.message ?? '', /NUL/)
})

test('EXECUTE is decided by what was prepared in the same session', () => {
  const policy = decided(new PolicyInForce(compiled(reading)))
  assert.deepEqual(policy.decide('EXECUTE p', agent).ruleIds, ['builtin/unknown'])
  assert.equal(policy.decide('PREPARE p AS SELECT * FROM orders', agent).refusal, null)
  const executed = policy.decide('EXECUTE p', agent)
  assert.deepEqual([executed.refusal, executed.reads], [null, ['orders']])
  assert.deepEqual(policy.decide('EXECUTE p', { ...agent }).ruleIds, ['builtin/unknown'])
  // What may not be prepared is not remembered.
  assert.notEqual(policy.decide('PREPARE q AS DELETE FROM orders', agent).refusal, null)
  assert.deepEqual(policy.decide('EXECUTE q', agent).ruleIds, ['builtin/unknown'])
})

test('a name that has stood for more than can be followed is not allowed to run', () => {
  const policy = new RulePolicy({
    grammar,
    policies: new PolicyInForce(compiled(reading)),
    clock: systemClock,
  })
  const subject = { ...agent }
  const declare = (text: string): void => {
    policy.declared('statement', 's', text, subject)
  }
  const run = (): string => outcomeOf(policy.decide('EXECUTE s', subject))
  const types = (name: (n: number) => string): string =>
    Array.from({ length: 30_000 }, (_, n) => `1::${name(n)}`).join()
  // More than a call takes arguments, and all of one type.
  for (let n = 0; n < 5; n++) declare(`SELECT ${n} WHERE 1 IN (${types(() => 'int')})`)
  declare('SELECT t.n::bigint FROM public.orders t')
  assert.equal(run(), 'allow')
  declare(`SELECT 1 WHERE 1 IN (${types((n) => `t${n}`)})`)
  declare('SELECT t.n::bigint FROM public.orders t')
  assert.equal(run(), 'block')
})

test('a search_path asked for at startup says what bare names mean', () => {
  const policy = decided(new PolicyInForce(compiled(reading)))
  const outcome = (searchPath: string | null): boolean =>
    policy.decide('SELECT * FROM orders', { ...agent, searchPath }).refusal === null
  assert.ok(outcome(null))
  assert.ok(outcome('"$user", public'))
  assert.ok(outcome('Public'))
  assert.ok(!outcome('hr, public'))
  assert.ok(!outcome('"Public"'))
  assert.ok(!outcome(''))
})

test('the digest is another object when the policy is another', () => {
  const policies = new PolicyInForce(demo)
  const policy = decided(policies)
  const before = policy.digest
  assert.equal(policy.digest, before)
  assert.equal(before.toString('hex'), demo.digest)
  policies.replace(compiled(reading))
  assert.notEqual(policy.digest, before)
  assert.notEqual(policy.decide('BEGIN', agent).refusal, null)
})

test('the digest is another object each second when a condition looks at the time', () => {
  let nowMs = 0
  const timed = reading.replace('    outcome', '    when: now.getSeconds() == 0\n    outcome')
  const policy = decided(new PolicyInForce(compiled(timed)), () => nowMs)
  const before = policy.digest
  assert.equal(policy.decide('SELECT 1', agent).refusal, null)
  nowMs = 999
  assert.equal(policy.digest, before)
  nowMs = 1000
  assert.notEqual(policy.digest, before)
  assert.deepEqual(policy.digest, before)
  assert.notEqual(policy.decide('SELECT 1', agent).refusal, null)
})

const careful = `version: 1
rules:
  - id: read
    targets: [shop]
    statements: [select]
    relations: { read: [public.*] }
    outcome: allow
  - id: deletes
    targets: [shop]
    statements: [delete]
    relations: { read: [public.*], write: [public.*] }
    approval: { role: shop-owner, approvers: 2, wait_seconds: 5 }
    outcome: hold
    reason: rows that are gone stay gone
  - id: many
    targets: [shop]
    when: rows > 100
    approval: { role: dba }
    outcome: hold
  - id: cards
    targets: [shop]
    columns: { read: ['*.card_number'] }
    mask: { classes: [card] }
    outcome: mask
`

test('what is held or would have to be masked is refused, with what it needs', () => {
  const policy = decided(new PolicyInForce(compiled(careful)))
  const held = policy.decide('DELETE FROM orders WHERE id = 1', agent)
  assert.deepEqual(held.ruleIds, ['deletes', 'many'])
  assert.deepEqual(held.refusal, {
    kind: 'held',
    message:
      'needs approval by 2 × shop-owner and dba (deletes, many): rows that are gone stay gone',
    obligations: [
      {
        kind: 'approval',
        ruleId: 'deletes',
        role: 'shop-owner',
        approvers: 2,
        expiresMs: 900_000,
        breakGlass: null,
        waitMs: 5_000,
      },
      {
        kind: 'approval',
        ruleId: 'many',
        role: 'dba',
        approvers: 1,
        expiresMs: 900_000,
        breakGlass: null,
        waitMs: 0,
      },
    ],
  })
  const masked = policy.decide('SELECT card_number FROM cards LIMIT 5', agent)
  assert.equal(masked.refusal?.kind, 'blocked')
  assert.match(masked.refusal.message, /has to be masked, and no classification/)
  assert.notEqual(policy.decide('SELECT * FROM cards LIMIT 5', agent).refusal, null)
  assert.equal(policy.decide('SELECT id FROM cards LIMIT 5', agent).refusal, null)
})

test('where a condition counts rows, texts that differ in a literal are decided each for itself', () => {
  const policy = decided(new PolicyInForce(compiled(careful)))
  const cache = new StatementCache(policy, agent, 1_000_000)
  const outcome = (text: string): string => {
    const bytes = Buffer.from(text)
    return outcomeOf(cache.decide(bytes, 0, bytes.length).verdict)
  }
  assert.equal(outcome('SELECT id FROM orders LIMIT 100'), 'allow')
  assert.equal(outcome('SELECT id FROM orders LIMIT 101'), 'hold')
  assert.equal(outcome('SELECT id FROM orders LIMIT 100'), 'allow')
  assert.equal(outcome('SELECT id FROM orders'), 'hold')
})

test('where a condition counts rows, a text that leaves their number open is decided once for its shape', () => {
  const text = `${reading}  - id: many
    targets: [shop]
    statements: [write]
    when: rows > 100
    outcome: block
`
  const policy = decided(new PolicyInForce(compiled(text)))
  const dependsOnLiterals = (sql: string): boolean | undefined =>
    policy.decide(sql, agent).dependsOnLiterals
  assert.equal(dependsOnLiterals('SELECT id FROM orders WHERE id = 5'), false)
  assert.equal(dependsOnLiterals('SELECT id FROM orders LIMIT 5'), true)
  // No whole number: what it allows without knowing, it allows for each.
  assert.equal(dependsOnLiterals('SELECT id FROM orders LIMIT 1.5'), false)
})

test('a condition about the role needs a session that knows it', () => {
  const text = reading.replace('    outcome', "    when: role == 'reader'\n    outcome")
  const policy = decided(new PolicyInForce(compiled(text)))
  assert.equal(policy.decide('SELECT 1', { ...agent, role: 'reader' }).refusal, null)
  assert.notEqual(policy.decide('SELECT 1', { ...agent, role: 'owner' }).refusal, null)
  assert.notEqual(policy.decide('SELECT 1', agent).refusal, null)
})
