import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  bindingSha256,
  parametersSha256,
} from '../../../../../services/edge/guard/approvals/hold-binding.ts'
import type { HoldBinding } from '../../../../../services/edge/guard/approvals/hold-binding.ts'
import { aBinding } from './approval-builders.ts'

const issuer = 'https://issuer.test'
const onCall = (reviewWithinHours: number) => ({ role: 'on-call', reviewWithinHours })

test('where nobody may break the glass the digest is the one that edges without it make', () => {
  assert.equal(
    bindingSha256(aBinding()),
    'cf6ffe64960ed632b716a9c5ae204b42c9082f2347252945ab859e363c2e7068',
  )
})

test('each part of what is held makes it another request', () => {
  const changes: readonly Partial<HoldBinding>[] = [
    { statementSha256: 'ac'.repeat(32) },
    { parametersSha256: 'cc'.repeat(32) },
    { target: 'crm' },
    { database: 'crm' },
    { role: 'owner' },
    { searchPath: '' },
    { searchPath: 'public' },
    { actor: { kind: 'human', subject: 'shop-agent', issuer } },
    { actor: { kind: 'agent', subject: 'other-agent', issuer } },
    { actor: { kind: 'agent', subject: 'shop-agent', issuer: 'https://other.test' } },
    { onBehalfOf: [] },
    { onBehalfOf: [{ kind: 'human', subject: 'sam', issuer }] },
    { policyDigest: '00'.repeat(32) },
    { requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 2, breakGlass: null }] },
    { requirements: [{ ruleId: 'deletes', role: 'dba', approvers: 1, breakGlass: null }] },
    { requirements: [] },
    { requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 1, breakGlass: onCall(24) }] },
    { requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 1, breakGlass: onCall(1) }] },
  ]
  const digests = [{}, ...changes].map((change) => bindingSha256(aBinding(change)))
  assert.equal(new Set(digests).size, digests.length)
  assert.equal(bindingSha256(aBinding()), bindingSha256(aBinding()))
})

const text = fc.oneof(fc.constantFrom('', 'a', 'ab', 'b', '1', '\0'), fc.string({ maxLength: 4 }))
const person = fc.record({
  kind: fc.constantFrom('human', 'agent', 'service'),
  subject: text,
  issuer: text,
} as const)
const binding: fc.Arbitrary<HoldBinding> = fc.record({
  statementSha256: text,
  parametersSha256: text,
  target: text,
  database: text,
  role: text,
  searchPath: fc.option(text, { nil: null }),
  actor: person,
  onBehalfOf: fc.array(person, { maxLength: 2 }),
  policyDigest: text,
  requirements: fc.array(
    fc.record({
      ruleId: text,
      role: text,
      approvers: fc.constantFrom(1, 2),
      breakGlass: fc.option(
        fc.record({ role: text, reviewWithinHours: fc.integer({ min: 1, max: 3 }) }),
      ),
    } as const),
    { maxLength: 2 },
  ),
})

test('two bindings share a digest only when they are the same', () => {
  fc.assert(
    fc.property(binding, binding, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other)
      assert.equal(bindingSha256(one) === bindingSha256(other), isSame)
    }),
    { numRuns: 2000 },
  )
})

test('two lists of parameters share a digest only when they are the same', () => {
  const bytes = fc.oneof(fc.constantFrom('', '0', '1', '0\0'), fc.string({ maxLength: 3 }))
  const parameters = fc.array(
    fc.record({
      type: fc.constantFrom(0, 0, 23, 25),
      format: fc.constantFrom(0, 1),
      value: fc.option(
        bytes.map((value) => Buffer.from(value)),
        { nil: null },
      ),
    }),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(parameters, parameters, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other)
      assert.equal(parametersSha256(one) === parametersSha256(other), isSame)
    }),
    { numRuns: 2000 },
  )
})

test('where no type is declared the digest is the one of values and formats alone', () => {
  const values = [{ format: 0, value: Buffer.from('7') }]
  const untyped = values.map((each) => ({ ...each, type: 0 }))
  assert.equal(parametersSha256(values), parametersSha256(untyped))
})

test('how the target reads values is part of the digest, in whatever order it is told', () => {
  const values = [{ format: 0, value: Buffer.from('01/02/2026') }]
  const digest = (...settings: [string, string][]) => parametersSha256(values, new Map(settings))
  const [date, zone] = [
    ['DateStyle', 'ISO, MDY'],
    ['TimeZone', 'UTC'],
  ] as [string, string][]
  assert.ok(date !== undefined && zone !== undefined)
  assert.equal(digest(date, zone), digest(zone, date))
  const others = [digest(), digest(date), digest(zone), digest(date, zone)]
  assert.equal(new Set([...others, digest(['DateStyle', 'ISO, DMY'], zone)]).size, 5)
})
