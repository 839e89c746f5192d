import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ApprovalUpdate } from '../../../../../schemas/control.ts'
import {
  grantLifetimeMs,
  overrideOf,
} from '../../../../../services/edge/guard/approvals/approval.ts'
import { HeldRequests } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import type { Asked } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import type { HoldLimits } from '../../../../../services/edge/guard/approvals/hold-limits.ts'
import {
  aBinding,
  anAnswer,
  anApprovalUpdate,
  anOverride,
  anOverrideUpdate,
  breakable,
  published,
} from './approval-builders.ts'

function anEdge(limits: Partial<HoldLimits> = {}) {
  const time = { nowMs: 0 }
  const clock = { nowMs: () => time.nowMs, nowUs: () => time.nowMs * 1000 }
  let ids = 0
  const newId = (): string => `approval-${(ids += 1)}`
  return { time, held: new HeldRequests({ edge: 'edge-1', clock, newId, limits }) }
}

/** Ids of those that ran out since the last time. */
function expired(held: HeldRequests): readonly string[] {
  const ids: string[] = []
  held.expire(({ approvalId }) => ids.push(approvalId) > 0)
  return ids
}

const expiresMs = 60_000
const terms = { expiresMs, sizeBytes: 100 }

test('a request is asked for once, granted, and runs once', () => {
  const { held } = anEdge()
  const first = held.ask(aBinding(), 'r1', terms, () => true)
  assert.ok(first.kind === 'pending' && first.isNew)
  const again = held.ask(aBinding(), 'r2', terms, () => true)
  assert.ok(again.kind === 'pending' && !again.isNew)
  assert.equal(again.approval.approvalId, first.approval.approvalId)
  let answered = 0
  const stop = held.onAnswer('approval-1', () => {
    answered += 1
  })
  assert.equal(held.apply(anApprovalUpdate(aBinding())), 'applied')
  stop()
  assert.equal(answered, 1)
  const granted = held.ask(aBinding(), 'r3', terms, () => true)
  assert.ok(granted.kind === 'granted' && granted.approval.state.kind === 'used')
  assert.equal(granted.approval.state.requestId, 'r3')
  const next = held.ask(aBinding(), 'r4', terms, () => true)
  assert.ok(next.kind === 'pending' && next.isNew && next.approval.approvalId === 'approval-2')
  assert.equal(held.apply(anApprovalUpdate(aBinding(), { version: 2 })), 'repeated')
  const afterwards = held.ask(aBinding(), 'r5', terms, () => true)
  assert.ok(afterwards.kind === 'pending', 'told again, the grant that was used gives nothing')
  const changed = { ...published(anAnswer('sam')), reason: 'another' }
  const otherText = anApprovalUpdate(aBinding(), { version: 3, answers: [changed] })
  assert.equal(held.apply(otherText), 'replayed')
})

test('what cannot be recorded is neither asked for nor used', () => {
  const { held } = anEdge()
  const no = (): boolean => false
  assert.equal(held.ask(aBinding(), 'r1', terms, no).kind, 'unrecorded')
  assert.equal(held.size, 0)
  const asked = held.ask(aBinding(), 'r2', terms, ({ state }) => state.kind === 'pending')
  assert.ok(asked.kind === 'pending' && asked.isNew)
  const { approvalId } = asked.approval
  assert.equal(held.apply(anApprovalUpdate(aBinding(), { approval_id: approvalId })), 'applied')
  assert.equal(held.ask(aBinding(), 'r3', terms, no).kind, 'unrecorded')
  const granted = held.ask(aBinding(), 'r4', terms, ({ state }) => state.kind === 'used')
  assert.ok(granted.kind === 'granted' && granted.approval.approvalId === approvalId)
})

test('a grant that is told late is good from when it was given', () => {
  const { held, time } = anEdge()
  held.ask(aBinding(), 'r1', { ...terms, expiresMs: grantLifetimeMs * 3 }, () => true)
  time.nowMs = grantLifetimeMs - 1_000
  assert.equal(held.apply(anApprovalUpdate(aBinding(), { decided_at: 0 })), 'applied')
  time.nowMs = grantLifetimeMs
  assert.ok(held.ask(aBinding(), 'r2', terms, () => true).kind === 'pending', 'its time is over')

  const late = anEdge()
  late.held.ask(aBinding(), 'r1', { ...terms, expiresMs: grantLifetimeMs * 3 }, () => true)
  late.time.nowMs = grantLifetimeMs
  assert.equal(late.held.apply(anApprovalUpdate(aBinding(), { decided_at: 0 })), 'expired')
})

test('changed bytes, parameters or people are another request', () => {
  const { held } = anEdge()
  held.ask(aBinding(), 'r1', terms, () => true)
  held.apply(anApprovalUpdate(aBinding()))
  for (const change of [
    { statementSha256: 'ff'.repeat(32) },
    { parametersSha256: 'ff'.repeat(32) },
    { policyDigest: 'ff'.repeat(32) },
    { onBehalfOf: [] },
  ]) {
    const asked = held.ask(aBinding(change), 'r2', terms, () => true)
    assert.ok(asked.kind === 'pending' && asked.isNew, JSON.stringify(change))
  }
  assert.equal(held.ask(aBinding(), 'r3', terms, () => true).kind, 'granted')
})

test('an edge follows the rules, whatever the api signed', () => {
  const rows: readonly (readonly [Partial<ApprovalUpdate>, string])[] = [
    [{ edge: 'edge-2' }, 'not_ours'],
    [{ approval_id: 'approval-9' }, 'not_asked'],
    [{ binding_sha256: '00'.repeat(32) }, 'other_binding'],
    [{ answers: [published(anAnswer('olivia'))] }, 'approver_is_behind_requester'],
    [{ answers: [published(anAnswer('sam', { by: { roles: [] } }))] }, 'role_missing'],
    [{ answers: [published(anAnswer('sam', { verdict: 'deny' }))] }, 'other_outcome'],
    [{ outcome: 'denied' }, 'other_outcome'],
  ]
  for (const [change, expected] of rows) {
    const { held } = anEdge()
    held.ask(aBinding(), 'r1', terms, () => true)
    assert.equal(held.apply(anApprovalUpdate(aBinding(), change)), expected)
    assert.equal(held.ask(aBinding(), 'r2', terms, () => true).kind, 'pending')
  }
  const { held } = anEdge()
  const two = aBinding({
    requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 2, breakGlass: null }],
  })
  held.ask(two, 'r1', terms, () => true)
  assert.equal(held.apply(anApprovalUpdate(two)), 'other_outcome')
  const twice = [published(anAnswer('sam')), published(anAnswer('sam', { decisionId: 'other' }))]
  assert.equal(held.apply(anApprovalUpdate(two, { answers: twice })), 'approver_has_answered')
  const both = [published(anAnswer('sam')), published(anAnswer('mia'))]
  assert.equal(held.apply(anApprovalUpdate(two, { answers: both })), 'applied')
})

test('a denial stands for as long as the request would have waited', () => {
  const { held, time } = anEdge()
  held.ask(aBinding(), 'r1', terms, () => true)
  const answers = [published(anAnswer('sam', { verdict: 'deny', reason: 'not today' }))]
  assert.equal(held.apply(anApprovalUpdate(aBinding(), { outcome: 'denied', answers })), 'applied')
  const denied = held.ask(aBinding(), 'r2', terms, () => true)
  assert.ok(denied.kind === 'denied')
  assert.equal(denied.approval.answers[0]?.reason, 'not today')
  time.nowMs = expiresMs
  const anew = held.ask(aBinding(), 'r3', terms, () => true)
  assert.ok(anew.kind === 'pending' && anew.isNew)
  assert.deepEqual(expired(held), [])
  assert.equal(held.size, 1)
})

test('what runs out is reported once, and a late answer changes nothing', () => {
  const { held, time } = anEdge()
  const ofCrm = aBinding({ target: 'crm' })
  held.ask(aBinding(), 'r1', terms, () => true)
  held.ask(ofCrm, 'r2', terms, () => true)
  assert.equal(held.apply(anApprovalUpdate(ofCrm, { approval_id: 'approval-2' })), 'applied')
  time.nowMs = expiresMs
  const idsOfExpired = (): readonly string[] => expired(held)
  assert.deepEqual(idsOfExpired(), ['approval-1'])
  assert.deepEqual(idsOfExpired(), [])
  assert.equal(held.apply(anApprovalUpdate(aBinding())), 'not_asked')
  time.nowMs = grantLifetimeMs
  assert.deepEqual(idsOfExpired(), ['approval-2'])
  assert.equal(held.size, 0)
})

test('what ran out is kept until it is recorded', () => {
  const { held, time } = anEdge()
  held.ask(aBinding(), 'r1', terms, () => true)
  time.nowMs = expiresMs
  held.expire(() => false)
  assert.equal(held.size, 1)
  // It is over all the same.
  const anew = held.ask(aBinding(), 'r2', terms, () => true)
  assert.ok(anew.kind === 'pending' && anew.isNew)
  assert.deepEqual(expired(held), ['approval-1'])
  assert.equal(held.size, 1)
})

test('a clock that goes back stops everything until it has caught up', () => {
  const { held, time } = anEdge()
  time.nowMs = 100_000
  held.ask(aBinding(), 'r1', terms, () => true)
  time.nowMs = 50_000
  assert.equal(held.apply(anApprovalUpdate(aBinding())), 'clock_behind')
  time.nowMs = 100_000
  assert.equal(held.apply(anApprovalUpdate(aBinding())), 'applied')
  time.nowMs = 50_000
  const asked = held.ask(aBinding(), 'r2', terms, () => true)
  assert.ok(asked.kind === 'refused')
  assert.match(asked.reason, /the clock of this edge went back/)
  assert.deepEqual(expired(held), [])
  time.nowMs = 100_001
  assert.equal(held.ask(aBinding(), 'r3', terms, () => true).kind, 'granted')
})

test('only so many wait, of one actor and of all', () => {
  const { held, time } = anEdge({ maxOfActor: 2, maxRequests: 3 })
  const asked = (target: string, subject: string): Asked =>
    held.ask(
      aBinding({ target, actor: { kind: 'agent', subject, issuer: '' } }),
      'r',
      terms,
      () => true,
    )
  assert.equal(asked('a', 'one').kind, 'pending')
  assert.equal(asked('b', 'one').kind, 'pending')
  const more = asked('c', 'one')
  assert.ok(more.kind === 'refused' && more.reason.includes('2 requests of one'))
  assert.equal(asked('c', 'two').kind, 'pending')
  assert.equal(asked('d', 'two').kind, 'refused')
  time.nowMs = expiresMs
  assert.equal(expired(held).length, 3)
  assert.equal(asked('d', 'two').kind, 'pending')
})

test('only so much waits to be read, of one actor and of all, and nothing gives way for it', () => {
  const { held, time } = anEdge({ maxBytesOfActor: 1_000, maxBytes: 1_500 })
  const asked = (target: string, subject: string, sizeBytes: number): Asked => {
    const binding = aBinding({ target, actor: { kind: 'agent', subject, issuer: '' } })
    return held.ask(binding, 'r', { expiresMs, sizeBytes }, () => true)
  }
  const refusal = (answer: Asked): string => {
    assert.ok(answer.kind === 'refused', answer.kind)
    return answer.reason
  }
  assert.match(refusal(asked('a', 'one', 1_001)), /has 1001 bytes, .* more than 1000; send it in/)
  assert.equal(asked('a', 'one', 600).kind, 'pending')
  assert.match(refusal(asked('b', 'one', 500)), /^1 requests of one with 600 bytes wait .* run it/)
  assert.equal(asked('b', 'one', 400).kind, 'pending')
  assert.match(refusal(asked('c', 'two', 501)), /^2 requests with 1000 bytes wait/)
  const granted = aBinding({ target: 'a', actor: { kind: 'agent', subject: 'one', issuer: '' } })
  assert.equal(held.apply(anApprovalUpdate(granted)), 'applied')
  assert.equal(asked('c', 'two', 501).kind, 'refused', 'a grant that waits for its use counts')
  assert.equal(asked('a', 'one', 600).kind, 'granted', 'and is there when it is wanted')
  assert.equal(asked('c', 'two', 501).kind, 'pending')
  assert.equal(asked('b', 'one', 400).kind, 'pending', 'what waited waits')
  time.nowMs = expiresMs
  assert.equal(asked('d', 'three', 1_000).kind, 'pending')
})

test('what has run makes room for others, what was denied does not', () => {
  const { held } = anEdge({ maxRequests: 2 })
  const asked = (target: string): Asked['kind'] =>
    held.ask(aBinding({ target }), 'r', terms, () => true).kind
  assert.deepEqual([asked('a'), asked('b'), asked('c')], ['pending', 'pending', 'refused'])
  const denial = [published(anAnswer('sam', { verdict: 'deny' }))]
  const denied = { outcome: 'denied', answers: denial, approval_id: 'approval-2' } as const
  assert.equal(held.apply(anApprovalUpdate(aBinding({ target: 'a' }))), 'applied')
  assert.equal(held.apply(anApprovalUpdate(aBinding({ target: 'b' }), denied)), 'applied')
  assert.equal(asked('c'), 'refused')
  assert.equal(asked('a'), 'granted')
  assert.deepEqual([asked('c'), asked('b'), asked('d')], ['pending', 'denied', 'refused'])
})

test('an override counts only after its review was told, and while nothing of the same person is overdue', () => {
  const answers = [published(anOverride('olivia'))]
  const update = anApprovalUpdate(breakable, { answers })
  const asked = () => {
    const edge = anEdge()
    edge.held.ask(breakable, 'r1', terms, () => true)
    return edge
  }
  const untold = asked()
  assert.equal(untold.held.apply(update), 'review_not_told')
  untold.held.overrides.apply(anOverrideUpdate({ binding_sha256: '0'.repeat(64) }))
  assert.equal(untold.held.apply(update), 'review_not_told')
  assert.equal(untold.held.ask(breakable, 'r2', terms, () => true).kind, 'pending')

  const { held } = asked()
  held.overrides.apply(anOverrideUpdate())
  assert.equal(held.apply(update), 'applied')
  const ran = held.ask(breakable, 'r3', terms, () => true)
  assert.ok(ran.kind === 'granted' && overrideOf(ran.approval)?.by.subject === 'olivia')
  assert.equal(held.ask(breakable, 'r4', terms, () => true).kind, 'pending', 'it is for one use')

  const overdue = asked()
  const earlier = { approval_id: 'approval-0', overridden_at: -7_200_000, due_at: -3_600_000 }
  overdue.held.overrides.apply(anOverrideUpdate(earlier))
  overdue.held.overrides.apply(anOverrideUpdate())
  assert.equal(overdue.held.apply(update), 'review_overdue')

  const foreign = asked()
  foreign.held.overrides.apply(anOverrideUpdate())
  const byAnother = anApprovalUpdate(breakable, { answers: [published(anOverride('sam'))] })
  assert.equal(foreign.held.apply(byAnother), 'override_is_for_requester')
})

type Move =
  | { readonly kind: 'ask'; readonly target: string }
  | { readonly kind: 'grant'; readonly which: number }
  | { readonly kind: 'replay' | 'restart' }
  | { readonly kind: 'time'; readonly ms: number }

const ask = fc.record({ kind: fc.constant('ask'), target: fc.constantFrom('a', 'b') } as const)
const moves = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: ask },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('grant'), which: fc.nat(1) } as const) },
    { weight: 2, arbitrary: fc.constantFrom({ kind: 'replay' }, { kind: 'restart' } as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('time'),
        ms: fc.constantFrom(1000, 30_000, 60_000, -10_000),
      } as const),
    },
  ),
  { maxLength: 30 },
) as fc.Arbitrary<readonly Move[]>

test('each grant is used at most once, over restarts and replays of all that was ever published', () => {
  let runs = 0
  fc.assert(
    fc.property(moves, (steps) => {
      const time = { nowMs: 1_000_000 }
      const clock = { nowMs: () => time.nowMs, nowUs: () => time.nowMs * 1000 }
      let ids = 0
      const newId = (): string => `approval-${(ids += 1)}`
      const start = (): HeldRequests => new HeldRequests({ edge: 'edge-1', clock, newId })
      let held = start()
      const open: { readonly id: string; readonly target: string }[] = []
      const topic: ApprovalUpdate[] = []
      const used: string[] = []
      for (const step of steps) {
        switch (step.kind) {
          case 'ask': {
            const asked = held.ask(aBinding({ target: step.target }), 'r', terms, () => true)
            if (asked.kind === 'pending' && asked.isNew) {
              open.push({ id: asked.approval.approvalId, target: step.target })
            }
            if (asked.kind === 'granted') used.push(asked.approval.approvalId)
            break
          }
          case 'grant': {
            const request = open[open.length - 1 - step.which]
            if (request === undefined) break
            const update = anApprovalUpdate(aBinding({ target: request.target }), {
              approval_id: request.id,
              version: topic.length,
            })
            topic.push(update)
            held.apply(update)
            break
          }
          case 'restart':
          case 'replay':
            if (step.kind === 'restart') held = start()
            for (const update of topic) held.apply(update)
            break
          case 'time':
            time.nowMs += step.ms
            expired(held)
        }
      }
      assert.equal(new Set(used).size, used.length)
      for (const id of used) assert.ok(topic.some((update) => update.approval_id === id))
      runs += used.length
    }),
    { numRuns: 3000 },
  )
  assert.ok(runs > 150, `only ${runs} requests ran`)
})
