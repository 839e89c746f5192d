import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const main = fileURLToPath(new URL('../../../services/cli/main.ts', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function policy(...args: readonly string[]): Promise<Ended> {
  try {
    const ended = await promisify(execFile)(process.execPath, [main, 'policy', ...args])
    return { code: 0, ...ended }
  } catch (error) {
    return error as Ended
  }
}

function files(t: TestContext, texts: Readonly<Record<string, string>>): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-policy-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text)
  return (name) => join(directory, name)
}

const shop = `version: 1
rules:
  - id: read
    targets: [shop]
    statements: [read, prepare, execute]
    relations: { read: [public.orders] }
    outcome: allow
  - id: deletes
    targets: [shop]
    statements: [delete]
    relations: { read: [public.*], write: [public.*] }
    when: role != 'owner'
    approval: { role: shop-owner, approvers: 2, wait_seconds: 10, break_glass: { role: on-call } }
    outcome: hold
    reason: rows that are gone stay gone
`

const catalog = `public,orders,id
public,orders,status
`

test('check names what a target does not have, with its place', async (t) => {
  const text = `${shop}  - id: cards
    targets: [shop]
    columns: { read: [public.orders.stats, public.nothing.id] }
    relations: { read: [public.orderz] }
    outcome: block
`
  const path = files(t, { 'policy.yaml': text, 'shop.csv': catalog, 'broken.csv': 'a,b\n' })
  const without = await policy('check', path('policy.yaml'))
  assert.equal(without.code, 0, without.stdout)
  const ended = await policy('check', path('policy.yaml'), '--catalog', `shop=${path('shop.csv')}`)
  assert.equal(ended.code, 2)
  const lines = ended.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^.*policy\.yaml/, ''))
  assert.deepEqual(lines, [
    ':18:23 rules[2].columns.read[0]: public.orders of shop has no column stats; did you mean status?',
    ':18:44 rules[2].columns.read[1]: shop has no relation public.nothing',
    ':19:25 rules[2].relations.read[0]: shop has no relation public.orderz; did you mean public.orders?',
  ])
  const elsewhere = await policy(
    'check',
    path('policy.yaml'),
    '--catalog',
    `crm=${path('shop.csv')}`,
  )
  assert.equal(elsewhere.code, 0)
  const broken = await policy(
    'check',
    path('policy.yaml'),
    '--catalog',
    `shop=${path('broken.csv')}`,
  )
  assert.equal(broken.code, 2)
  assert.match(broken.stderr, /broken\.csv: row 1 has 2 fields; expected schema,relation,column/)
})

const tests = `version: 1
actors:
  agent: { kind: agent, subject: shop-agent, on_behalf_of: [olivia] }
tests:
  - { name: reads, actor: agent, target: shop, statement: SELECT id FROM orders, expect: allow, rules: [read] }
  - { name: deletes, actor: agent, target: shop, role: edge, statement: DELETE FROM orders, expect: hold }
  - name: prepared
    actor: { kind: human, subject: sam }
    target: shop
    prepared: [PREPARE p AS SELECT id FROM orders]
    statement: EXECUTE p
    expect: allow
`

test('test compares, prints what came out otherwise, and ends with status 1', async (t) => {
  const wrong = `${tests}  - { name: wrong, actor: agent, target: crm, statement: SELECT 1, expect: allow, rules: [read] }\n`
  const path = files(t, { 'policy.yaml': shop, 'good.yaml': tests, 'wrong.yaml': wrong })
  const good = await policy('test', path('good.yaml'))
  assert.equal(good.code, 0, good.stdout + good.stderr)
  assert.equal(
    good.stdout,
    'ok    reads     allow by read\nok    deletes   hold by deletes\nok    prepared  allow by read\n3 tests, all as expected\n',
  )
  const bad = await policy('test', path('wrong.yaml'))
  assert.equal(bad.code, 1)
  assert.match(bad.stdout, /FAIL {2}wrong {5}expected allow by read; got block by default: no rule/)
  assert.match(bad.stdout, /4 tests, 1 not as expected/)
  const json = await policy('test', path('wrong.yaml'), '--json')
  assert.equal(json.code, 1)
  const result = JSON.parse(json.stdout) as { failed: number; outcomes: { ok: boolean }[] }
  assert.deepEqual(
    [result.failed, result.outcomes.map(({ ok }) => ok)],
    [1, [true, true, true, false]],
  )
})

test('the policy of the demo does what its tests say', async () => {
  const url = new URL('../../../services/all-in-one/demo/demo-policy.test.yaml', import.meta.url)
  const ended = await policy('test', fileURLToPath(url))
  assert.equal(ended.code, 0, ended.stdout + ended.stderr)
})

test('mistakes in a file of tests are all named, with their places', async (t) => {
  const text = tests.replace(
    'actor: agent, target: shop, role',
    'actor: agnt, target: shop, at: soon, role',
  )
  const path = files(t, {
    'policy.yaml': shop,
    'tests.yaml': text,
    'shape.yaml': 'version: 1\ntests: [{ name: x }]\n',
  })
  const ended = await policy('test', path('tests.yaml'))
  assert.equal(ended.code, 2)
  assert.match(
    ended.stderr,
    /tests\.yaml:6:\d+ tests\[1\]\.actor: no actor under actors is called agnt/,
  )
  assert.match(ended.stderr, /tests\.yaml:6:\d+ tests\[1\]\.at: expected a time/)
  const shape = await policy('test', path('shape.yaml'))
  assert.equal(shape.code, 2)
  assert.match(shape.stderr, /tests\[0\]\.statement: is required but missing/)
})

test('explain says what decided, by which facts, and why the others did not', async (t) => {
  const path = files(t, { 'policy.yaml': shop })
  const about = [
    '--policy',
    path('policy.yaml'),
    '--actor',
    'agent:shop-agent',
    '--for',
    'olivia',
    '--target',
    'shop',
    '--role',
    'edge',
  ]
  const ended = await policy('explain', 'DELETE FROM orders WHERE id = 1', ...about)
  assert.equal(ended.code, 0, ended.stderr)
  for (const expected of [
    /^hold {2}by deletes\n {2}rows that are gone stay gone\n/,
    /needs approval by two people with the role shop-owner within 900 s, for which the client waits up to 10 s, or break-glass by a person with the role on-call, reviewed within 24 h \(deletes\)/,
    /columns read {5}orders\.id/,
    / {4}read {5}allow {2}statements: does not cover delete/,
    / {2}\* deletes {2}hold .*statements: touches delete; .*when: role != 'owner' is true/,
  ]) {
    assert.match(ended.stdout, expected)
  }
})

test('explain without a role: a condition that has no value covers nothing', async (t) => {
  const path = files(t, { 'policy.yaml': shop })
  const about = [
    '--policy',
    path('policy.yaml'),
    '--actor',
    'human:sam',
    '--target',
    'shop',
    '--json',
  ]
  const json = await policy('explain', 'DELETE FROM orders', ...about)
  const explained = JSON.parse(json.stdout) as {
    verdict: { outcome: string; ruleIds: string[] }
    facts: { flags: string[] }
    rules: { id: string; why: string }[]
  }
  assert.deepEqual(explained.verdict.ruleIds, ['default'])
  assert.deepEqual(explained.facts.flags, ['no_where'])
  const why = explained.rules.find(({ id }) => id === 'deletes')?.why ?? ''
  assert.match(
    why,
    /lets nothing through, since when: role != 'owner' has no value: role is not known/,
  )
  const known = await policy('explain', 'DELETE FROM orders', ...about, '--role', 'edge')
  assert.equal((JSON.parse(known.stdout) as typeof explained).verdict.outcome, 'hold')
  const wrong = await policy('explain', 'SELECT 1', '--actor', 'robot', '--target', 'shop')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /expected kind:subject/)
})
