import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyFile } from '../../schemas/policy.ts'
import policySchema from '../../schemas/policy.schema.json' with { type: 'json' }
import {
  compileSchema,
  formatProblem,
  parseYamlDocument,
} from '../../schemas/validated-document.ts'

const isPolicy = compileSchema<PolicyFile>(policySchema)

test('a policy with every property fits the schema', () => {
  const text = `
version: 1
name: shop
description: all of it
default: block
rules:
  - id: a.b-c_1
    description: x
    targets: [shop, 'db-*']
    actors:
      kinds: [human, agent, service]
      subjects: ['*@shop.example']
      groups: [operations]
      on_behalf_of: [olivia]
    statements: [read, insert]
    relations: { read: ['public.*'], write: [public.orders] }
    functions: [pg_sleep]
    flags: [no_where]
    when: purpose != ''
    outcome: block
    reason: because
`
  const parsed = parseYamlDocument(text, 'policy.yaml', isPolicy)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  assert.equal(parsed.value.rules[0]?.actors?.groups?.[0], 'operations')
})

test('every property of the schema says what it is for, or needs no words', () => {
  const properties = policySchema.definitions.rule.properties
  const plain = ['description', 'outcome']
  for (const [name, property] of Object.entries(properties)) {
    assert.ok(plain.includes(name) || 'description' in property, name)
  }
})

test('a policy without rules, or of another version, does not fit', () => {
  const messages = (text: string): readonly string[] => {
    const parsed = parseYamlDocument(text, 'p.yaml', isPolicy)
    return parsed.ok ? [] : parsed.problems.map(formatProblem)
  }
  assert.deepEqual(messages('version: 2\nrules: []\n'), [
    'p.yaml:1:1 version: expected 1, found 2',
    'p.yaml:2:1 rules: expected at least 1 item',
  ])
  assert.deepEqual(messages('{}'), [
    'p.yaml:1:1 version: is required but missing',
    'p.yaml:1:1 rules: is required but missing',
  ])
})
