import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  answerApproval,
  grantLifetimeMs,
  missingApprovers,
  overrideOf,
  passTime,
  reviewWithinHours,
  useApproval,
} from '../../../../../services/edge/guard/approvals/approval.ts'
import type {
  Answer,
  Approval,
  StepRefusal,
} from '../../../../../services/edge/guard/approvals/approval-state.ts'
import { aBinding, anAnswer, anApproval, anOverride, breakable } from './approval-builders.ts'

const two = aBinding({
  requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 2, breakGlass: null }],
})

function refusalOf(answer: Answer, approval = anApproval(), nowMs = 1): StepRefusal | null {
  const step = answerApproval(approval, answer, nowMs)
  if (step.refusal !== null) assert.deepEqual(step.approval.answers, approval.answers)
  return step.refusal
}

test('who may answer, and with what', () => {
  const rows: readonly (readonly [string, Answer, StepRefusal | null])[] = [
    ['somebody else with the role', anAnswer('sam'), null],
    ['the requester', anAnswer('shop-agent', { by: { kind: 'human' } }), 'approver_is_requester'],
    ['who it acts for', anAnswer('olivia'), 'approver_is_behind_requester'],
    [
      'the same subject at another issuer',
      anAnswer('olivia', { by: { issuer: 'https://other.test' } }),
      'approver_is_behind_requester',
    ],
    ['an agent', anAnswer('other-agent', { by: { kind: 'agent' } }), 'approver_is_no_person'],
    ['an unknown kind', anAnswer('sam', { by: { kind: 'unknown' } }), 'approver_is_no_person'],
    ['through somebody', anAnswer('sam', { by: { isDelegated: true } }), 'approver_is_delegated'],
    ['without the role', anAnswer('sam', { by: { roles: ['dba'] } }), 'role_missing'],
    [
      'a denial without the role',
      anAnswer('sam', { verdict: 'deny', by: { roles: [] } }),
      'role_missing',
    ],
    ['without a reason', anAnswer('sam', { reason: ' \n' }), 'reason_missing'],
    ['with too long a reason', anAnswer('sam', { reason: 'x'.repeat(2001) }), 'reason_too_long'],
  ]
  for (const [what, answer, expected] of rows) assert.equal(refusalOf(answer), expected, what)
})

test('two different people are two different people', () => {
  const first = answerApproval(anApproval(two), anAnswer('sam'), 1)
  assert.deepEqual([first.refusal, first.approval.state.kind], [null, 'pending'])
  assert.deepEqual(missingApprovers(first.approval), [{ role: 'owner', count: 1 }])
  const again = anAnswer('sam', { decisionId: 'another' })
  assert.equal(refusalOf(again, first.approval), 'approver_has_answered')
  assert.equal(refusalOf(anAnswer('sam'), first.approval), 'replayed')
  const second = answerApproval(first.approval, anAnswer('mia'), 2)
  assert.deepEqual(second.approval.state, {
    kind: 'granted',
    atMs: 2,
    validUntilMs: 2 + grantLifetimeMs,
  })
})

test('each rule that holds must have its role', () => {
  const binding = aBinding({
    requirements: [
      { ruleId: 'deletes', role: 'owner', approvers: 1, breakGlass: null },
      { ruleId: 'many', role: 'dba', approvers: 1, breakGlass: null },
    ],
  })
  const first = answerApproval(anApproval(binding), anAnswer('sam'), 1)
  assert.equal(first.approval.state.kind, 'pending')
  const second = answerApproval(first.approval, anAnswer('mia', { by: { roles: ['dba'] } }), 1)
  assert.equal(second.approval.state.kind, 'granted')
  const nobody = anApproval(aBinding({ requirements: [] }))
  assert.equal(refusalOf(anAnswer('sam'), nobody), 'role_missing')
})

test('a denial ends it', () => {
  const denied = answerApproval(anApproval(two), anAnswer('sam', { verdict: 'deny' }), 1).approval
  assert.equal(denied.state.kind, 'denied')
  assert.equal(refusalOf(anAnswer('mia'), denied), 'not_pending')
  const use = { bindingSha256: denied.bindingSha256, requestId: 'r' }
  assert.equal(useApproval(denied, use, 2).refusal, 'not_granted')
})

test('a grant is used once, in time, for what it was given for', () => {
  const granted = answerApproval(anApproval(), anAnswer('sam'), 1).approval
  const use = { bindingSha256: granted.bindingSha256, requestId: 'request-1' }
  assert.equal(useApproval(anApproval(), use, 1).refusal, 'not_granted')
  const other = useApproval(granted, { ...use, bindingSha256: 'other' }, 2)
  assert.deepEqual([other.refusal, other.approval.state.kind], ['other_binding', 'granted'])
  const used = useApproval(granted, use, 1 + grantLifetimeMs - 1)
  assert.deepEqual([used.refusal, used.approval.state.kind], [null, 'used'])
  assert.equal(useApproval(used.approval, use, 3).refusal, 'clock_behind')
  assert.equal(useApproval(used.approval, use, grantLifetimeMs).refusal, 'not_granted')
  const late = useApproval(granted, use, 1 + grantLifetimeMs)
  assert.deepEqual([late.refusal, late.approval.state.kind], ['expired', 'expired'])
  assert.equal(answerApproval(granted, anAnswer('mia'), 2).refusal, 'not_pending')
})

test('what has expired stays so, also when the clock goes back', () => {
  const expired = answerApproval(anApproval(), anAnswer('sam'), 900_000)
  assert.deepEqual(
    [expired.refusal, expired.approval.state],
    ['expired', { kind: 'expired', atMs: 900_000 }],
  )
  assert.equal(answerApproval(expired.approval, anAnswer('sam'), 899_999).refusal, 'expired')
  assert.equal(answerApproval(expired.approval, anAnswer('sam'), 1).refusal, 'clock_behind')
  const seen = passTime(anApproval(), 500_000).approval
  assert.equal(answerApproval(seen, anAnswer('sam'), 497_000).refusal, 'clock_behind')
  // A step back that clocks make when they are set is no jump; time stands still for so long.
  const small = answerApproval(seen, anAnswer('sam'), 498_500)
  assert.deepEqual(small.approval.state, {
    kind: 'granted',
    atMs: 500_000,
    validUntilMs: 500_000 + grantLifetimeMs,
  })
})

test('who may break the glass', () => {
  const held = anApproval(breakable)
  const rows: readonly (readonly [string, Answer, StepRefusal | null])[] = [
    ['the person an agent asks for', anOverride('olivia'), null],
    ['somebody else', anOverride('sam'), 'override_is_for_requester'],
    ['the agent', anOverride('shop-agent', { kind: 'agent' }), 'approver_is_no_person'],
    [
      'a person by the name of the agent',
      anOverride('shop-agent', { kind: 'human' }),
      'override_is_for_requester',
    ],
    [
      'the same subject at another issuer',
      anOverride('olivia', { issuer: 'https://other.test' }),
      'override_is_for_requester',
    ],
    ['through somebody', anOverride('olivia', { isDelegated: true }), 'approver_is_delegated'],
    ['without the role', anOverride('olivia', { roles: ['owner'] }), 'role_missing'],
    ['without a reason', { ...anOverride('olivia'), reason: ' ' }, 'reason_missing'],
  ]
  for (const [what, answer, expected] of rows) assert.equal(refusalOf(answer, held), expected, what)
  const own = aBinding({ ...breakable, actor: { ...breakable.onBehalfOf[0]! }, onBehalfOf: [] })
  assert.equal(refusalOf(anOverride('olivia'), anApproval(own)), null)
  assert.equal(refusalOf(anOverride('olivia'), anApproval()), 'override_not_allowed')
})

test('where several rules hold, each must let the glass be broken', () => {
  const [first] = breakable.requirements
  assert.ok(first !== undefined)
  const withSecond = (breakGlass: typeof first.breakGlass) =>
    anApproval(
      aBinding({
        requirements: [first, { ruleId: 'many', role: 'dba', approvers: 2, breakGlass }],
      }),
    )
  assert.equal(refusalOf(anOverride('olivia'), withSecond(null)), 'override_not_allowed')
  const both = withSecond({ role: 'lead', reviewWithinHours: 24 })
  assert.equal(refusalOf(anOverride('olivia'), both), 'role_missing')
  assert.equal(refusalOf(anOverride('olivia', { roles: ['lead', 'on-call'] }), both), null)
  assert.equal(reviewWithinHours(both), 1)
  assert.equal(reviewWithinHours(anApproval()), null)
})

test('an override is good for one use like a grant, and is none after a denial', () => {
  const held = anApproval(breakable)
  const given = answerApproval(held, anOverride('olivia'), 1).approval
  assert.deepEqual(given.state, { kind: 'granted', atMs: 1, validUntilMs: 1 + grantLifetimeMs })
  assert.equal(overrideOf(given)?.by.subject, 'olivia')
  assert.deepEqual(missingApprovers(given), [{ role: 'owner', count: 1 }])
  assert.equal(refusalOf(anOverride('olivia'), given), 'replayed')
  const again = { ...anOverride('olivia'), decisionId: 'another' }
  assert.equal(refusalOf(again, given, 2), 'not_pending')
  const use = { bindingSha256: given.bindingSha256, requestId: 'r' }
  const used = useApproval(given, use, 2).approval
  assert.equal(used.state.kind, 'used')
  assert.equal(useApproval(used, use, 3).refusal, 'not_granted')
  assert.equal(useApproval(given, use, 1 + grantLifetimeMs).refusal, 'expired')
  const denied = answerApproval(held, anAnswer('sam', { verdict: 'deny' }), 1).approval
  assert.equal(refusalOf(anOverride('olivia'), denied), 'not_pending')
})

type Move =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly advanceMs: number }
  | { readonly kind: 'use'; readonly isOther: boolean; readonly advanceMs: number }
  | { readonly kind: 'time'; readonly advanceMs: number }

const advance = fc.oneof(fc.nat(2_000), fc.constantFrom(300_000, 600_000, 900_000, -1_000, -5_000))
const answers = fc
  .record({
    subject: fc.constantFrom('sam', 'mia', 'leo', 'olivia', 'shop-agent'),
    decision: fc.nat(6),
    verdict: fc.constantFrom('grant', 'grant', 'grant', 'deny'),
    reason: fc.constantFrom('fine', 'fine', ''),
    kind: fc.constantFrom('human', 'human', 'agent'),
    roles: fc.subarray(['owner', 'dba', 'guest', 'on-call']),
    isDelegated: fc.constantFrom(false, false, false, true),
  } as const)
  .map(({ subject, decision, verdict, reason, kind, roles, isDelegated }) =>
    anAnswer(subject, {
      decisionId: `d${decision}`,
      verdict,
      reason,
      by: { kind, roles, isDelegated },
    }),
  )
const overriding = fc
  .record({
    subject: fc.constantFrom('olivia', 'olivia', 'sam', 'shop-agent'),
    decision: fc.nat(6),
    reason: fc.constantFrom('fine', 'fine', ''),
    kind: fc.constantFrom('human', 'human', 'agent'),
    roles: fc.constantFrom(['on-call'], ['on-call', 'dba'], ['owner', 'dba']),
    isDelegated: fc.constantFrom(false, false, false, true),
  } as const)
  .map(({ subject, decision, reason, ...by }) => ({
    ...anOverride(subject, by),
    decisionId: `d${decision}`,
    reason,
  }))
const moves = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('answer'), answer: answers, advanceMs: fc.nat(2_000) } as const),
    fc.record({ kind: fc.constant('answer'), answer: answers, advanceMs: fc.nat(2_000) } as const),
    fc.record({
      kind: fc.constant('answer'),
      answer: overriding,
      advanceMs: fc.nat(2_000),
    } as const),
    fc.record({
      kind: fc.constant('use'),
      isOther: fc.boolean(),
      advanceMs: fc.nat(2_000),
    } as const),
    fc.record({ kind: fc.constant('time'), advanceMs: advance } as const),
  ),
  { maxLength: 14 },
) as fc.Arbitrary<readonly Move[]>
const requirements = fc.constantFrom<Approval['binding']['requirements']>(
  [{ ruleId: 'a', role: 'owner', approvers: 1, breakGlass: null }],
  [{ ruleId: 'a', role: 'owner', approvers: 2, breakGlass: null }],
  [
    { ruleId: 'a', role: 'owner', approvers: 1, breakGlass: null },
    { ruleId: 'b', role: 'dba', approvers: 2, breakGlass: null },
  ],
  breakable.requirements,
  [...breakable.requirements, { ruleId: 'b', role: 'dba', approvers: 1, breakGlass: null }],
)

const order = ['pending', 'granted', 'denied', 'expired', 'used']
const following: Readonly<Record<string, readonly string[]>> = {
  pending: order.filter((kind) => kind !== 'used'),
  granted: ['granted', 'expired', 'used'],
  denied: ['denied'],
  expired: ['expired'],
  used: ['used'],
}

test('whatever comes, in whatever order: nothing is granted that was not agreed to, and nothing is used twice', () => {
  const reached = new Map<string, number>()
  fc.assert(
    fc.property(requirements, moves, (needed, steps) => {
      let approval = anApproval(aBinding({ requirements: needed }))
      let nowMs = 0
      let uses = 0
      for (const step of steps) {
        nowMs = Math.max(0, nowMs + step.advanceMs)
        const before = approval
        if (step.kind === 'time') approval = passTime(before, nowMs).approval
        else if (step.kind === 'answer') {
          const outcome = answerApproval(before, step.answer, nowMs)
          approval = outcome.approval
          const added = outcome.refusal === null ? 1 : 0
          assert.equal(approval.answers.length, before.answers.length + added)
        } else {
          const bindingSha256 = step.isOther ? 'other' : before.bindingSha256
          const outcome = useApproval(before, { bindingSha256, requestId: 'r' }, nowMs)
          approval = outcome.approval
          if (outcome.refusal === null) {
            uses += 1
            assert.ok(before.state.kind === 'granted' && nowMs < before.state.validUntilMs)
            assert.ok(!step.isOther)
          }
        }
        assert.ok(following[before.state.kind]?.includes(approval.state.kind))
        assert.ok(approval.seenMs >= before.seenMs)
        assert.ok(uses <= 1)
        if (approval.state.kind === 'granted') assertAgreed(approval)
      }
      const { kind } = approval.state
      reached.set(kind, (reached.get(kind) ?? 0) + 1)
      if (overrideOf(approval) !== null) reached.set('override', (reached.get('override') ?? 0) + 1)
    }),
    { numRuns: 4000 },
  )
  for (const kind of [...order, 'override']) {
    assert.ok((reached.get(kind) ?? 0) > 10, `${kind} was hardly ever reached`)
  }
})

function assertAgreed(approval: Approval): void {
  const { answers, binding } = approval
  const override = overrideOf(approval)
  if (override !== null) {
    const { by, reason } = override
    assert.equal(answers.at(-1), override)
    assert.deepEqual(
      [by.subject, by.kind, by.isDelegated, reason],
      ['olivia', 'human', false, 'fine'],
    )
    for (const { breakGlass } of binding.requirements) {
      assert.ok(breakGlass !== null && by.roles.includes(breakGlass.role))
    }
  }
  const given = answers.filter((each) => each !== override)
  const people = given.map(({ by }) => by.subject)
  assert.equal(new Set(people).size, people.length)
  assert.ok(!people.some((name) => ['olivia', 'shop-agent'].includes(name)))
  for (const { by, verdict, reason } of given) {
    assert.deepEqual([by.kind, by.isDelegated, verdict, reason], ['human', false, 'grant', 'fine'])
  }
  for (const { role, approvers } of override === null ? binding.requirements : []) {
    assert.ok(given.filter(({ by }) => by.roles.includes(role)).length >= approvers)
  }
}
