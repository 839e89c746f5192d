import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { OverrideUpdate } from '../../../../../schemas/control.ts'
import { refusalOfReview } from '../../../../../services/edge/guard/approvals/answer-checks.ts'
import type { StepRefusal } from '../../../../../services/edge/guard/approvals/approval-state.ts'
import {
  mostUnreviewed,
  Overrides,
} from '../../../../../services/edge/guard/approvals/overrides.ts'
import { anAnswer, anOverrideUpdate } from './approval-builders.ts'

const issuer = 'https://issuer.test'
const olivia = { subject: 'olivia', issuer }

function reviewed(changes: Partial<OverrideUpdate> = {}): OverrideUpdate {
  const by = { kind: 'human', subject: 'sam', issuer, display: null } as const
  const review = { by, verdict: 'justified', reason: 'it was down', reviewed_at: 10 } as const
  return anOverrideUpdate({ version: 2, review, ...changes })
}

test('who may review an override', () => {
  const rows: readonly (readonly [string, ReturnType<typeof anAnswer>, StepRefusal | null])[] = [
    ['an approver of the rule', anAnswer('sam'), null],
    ['who broke the glass', anAnswer('olivia'), 'approver_is_requester'],
    [
      'the same subject at another issuer',
      anAnswer('olivia', { by: { issuer: 'https://other.test' } }),
      'approver_is_requester',
    ],
    ['who asked', anAnswer('shop-agent'), 'approver_is_requester'],
    ['who else is in the chain', anAnswer('mia'), 'approver_is_behind_requester'],
    ['an agent', anAnswer('bot', { by: { kind: 'agent' } }), 'approver_is_no_person'],
    ['through somebody', anAnswer('sam', { by: { isDelegated: true } }), 'approver_is_delegated'],
    ['without the role', anAnswer('sam', { by: { roles: ['on-call'] } }), 'role_missing'],
    ['without a reason', anAnswer('sam', { reason: ' ' }), 'reason_missing'],
  ]
  const override = anOverrideUpdate()
  const mia = { kind: 'human', subject: 'mia', issuer, display: null } as const
  const chained = {
    ...override,
    on_behalf_of: [...override.on_behalf_of, mia],
  }
  for (const [what, review, expected] of rows) {
    assert.equal(refusalOfReview(chained, review), expected, what)
  }
  assert.equal(refusalOfReview(reviewed(), anAnswer('sam')), 'reviewed_already')
})

test('what is overdue keeps the person out, and whoever acts for him', () => {
  const overrides = new Overrides()
  overrides.apply(anOverrideUpdate({ due_at: 1_000 }))
  const agent = { subject: 'another-agent', issuer, on_behalf_of: [olivia] }
  const others = { subject: 'another-agent', issuer, on_behalf_of: [{ subject: 'sam', issuer }] }
  assert.equal(overrides.overdueOf(agent, 999), null)
  assert.equal(overrides.overdueOf(agent, 1_000)?.approval_id, 'approval-1')
  assert.equal(overrides.overdueOf({ ...olivia, on_behalf_of: [] }, 1_000)?.due_at, 1_000)
  assert.equal(overrides.overdueOf(others, 1_000), null)
  assert.equal(overrides.barTo(olivia, 'approval-2', 999), null)
  assert.equal(overrides.barTo(olivia, 'approval-2', 1_000), 'review_overdue')
  overrides.apply(reviewed())
  assert.equal(overrides.overdueOf(agent, 1_000), null)
  assert.equal(overrides.barTo(olivia, 'approval-2', 1_000), null)
})

type Move =
  | { readonly kind: 'break'; readonly subject: string; readonly hours: number }
  | { readonly kind: 'review'; readonly which: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'replay' | 'restart' }
  | { readonly kind: 'forget'; readonly which: number }

const hourMs = 3_600_000
const moves = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('break'),
        subject: fc.constantFrom('olivia', 'mia'),
        hours: fc.constantFrom(1, 24, 168),
      } as const),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('review'), which: fc.nat(5) } as const) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('time'),
        ms: fc.constantFrom(60_000, hourMs, 24 * hourMs),
      } as const),
    },
    { weight: 1, arbitrary: fc.constantFrom({ kind: 'replay' }, { kind: 'restart' } as const) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget'), which: fc.nat(5) } as const) },
  ),
  { maxLength: 40 },
) as fc.Arbitrary<readonly Move[]>

test('whatever comes: none is forgotten before its review, and nobody breaks the glass beyond his bound or past a due review', () => {
  const reached = { broken: 0, review_overdue: 0, too_many_unreviewed: 0 }
  fc.assert(
    fc.property(moves, (steps) => {
      let nowMs = 0
      let overrides = new Overrides()
      const topic: OverrideUpdate[] = []
      // What must be known, by the words that were ever told.
      const given: { readonly id: string; readonly subject: string; readonly dueMs: number }[] = []
      const done = new Set<string>()
      const tell = (update: OverrideUpdate): void => {
        topic.push({ ...update, version: topic.length + 1 })
        overrides.apply(topic.at(-1)!)
      }
      for (const step of steps) {
        switch (step.kind) {
          case 'break': {
            const id = `approval-${given.length}`
            const person = { subject: step.subject, issuer }
            const waiting = given.filter(
              (each) => each.subject === step.subject && !done.has(each.id),
            )
            const bar = overrides.barTo(person, id, nowMs)
            const isOverdue = waiting.some(({ dueMs }) => nowMs >= dueMs)
            const expected = waiting.length >= mostUnreviewed ? 'too_many_unreviewed' : null
            assert.equal(bar, isOverdue ? 'review_overdue' : expected)
            reached[bar ?? 'broken'] += 1
            if (bar !== null) break
            const dueMs = nowMs + step.hours * hourMs
            given.push({ id, subject: step.subject, dueMs })
            const by = { kind: 'human', subject: step.subject, issuer, display: null } as const
            tell(anOverrideUpdate({ approval_id: id, by, overridden_at: nowMs, due_at: dueMs }))
            break
          }
          case 'review': {
            const override = overrides.find(given[step.which]?.id ?? '')
            if (override?.review !== null) break
            done.add(override.approval_id)
            tell({ ...override, review: reviewed().review })
            break
          }
          case 'time':
            nowMs += step.ms
            break
          case 'restart':
          case 'replay':
            if (step.kind === 'restart') overrides = new Overrides()
            for (const update of topic) overrides.apply(update)
            break
          case 'forget':
            overrides.forget(`approval-${step.which}`)
        }
        assert.deepEqual(
          overrides.unreviewed.map(({ approval_id: id }) => id).toSorted(),
          given
            .map(({ id }) => id)
            .filter((id) => !done.has(id))
            .toSorted(),
        )
      }
    }),
    { numRuns: 2000 },
  )
  for (const [kind, count] of Object.entries(reached)) {
    assert.ok(count > 50, `${kind} was hardly ever reached`)
  }
})
