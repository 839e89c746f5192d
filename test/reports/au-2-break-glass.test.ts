import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import type { AuditEvent } from '../../schemas/event.ts'
import { conclude, newFacts } from '../../reports/au-2/report.ts'
import { anActor, anApproval, anEvent } from '../support/an-event.ts'
import { foundBy, fromMs, frozen, inSession, resultOf, sealed } from './au-2-result.ts'

suite('break-glass', () => {
  const issuer = 'https://issuer.example'
  const person = (subject: string) =>
    anActor({ kind: 'human', subject, issuer, display: null, on_behalf_of: [] })
  const us = (hours: number): number => (fromMs + hours * 3_600_000) * 1000
  type Verdict = 'justified' | 'not_justified'
  const about = (dueUs: number, verdict: Verdict | null = null) =>
    anApproval({ override: { by: person('olivia'), due_at: dueUs, verdict } })
  const overridden = (dueUs: number): Partial<AuditEvent>[] => [
    {
      ...inSession,
      type: 'approval.requested',
      occurred_at: us(-20),
      actor: anActor({ on_behalf_of: [person('olivia')] }),
      approval: anApproval(),
    },
    {
      ...inSession,
      type: 'approval.overridden',
      occurred_at: us(-20) + 1,
      actor: person('olivia'),
      approval: about(dueUs),
    },
  ]
  const reviewed = (
    hours: number,
    by: Partial<AuditEvent['actor'] & object>,
    dueUs = us(4),
    verdict: Verdict = 'justified',
  ): Partial<AuditEvent> => ({
    ...inSession,
    type: 'override.reviewed',
    occurred_at: us(hours),
    actor: { ...person('nia'), ...by },
    approval: about(dueUs, verdict),
  })
  const start = 'olivia broke the glass at shop (approval approval-1)'
  const due = `${start}; its review by another person was due at 2026-11-24T04:00:00Z, and `

  test('one that another person reviewed in time is no exception, whatever was found', () => {
    for (const verdict of ['justified', 'not_justified'] as const) {
      const events = [...overridden(us(4)), reviewed(3, {}, us(4), verdict)]
      for (const inAnyOrder of [events, events.toReversed()]) {
        const rule = resultOf(inAnyOrder).rules.get('AC5-09')
        assert.deepEqual([rule?.checked, rule?.exceptions, rule?.notEvaluated], [1, [], null])
      }
    }
  })

  for (const [what, review, expected] of [
    ['that nobody reviewed', null, `${due}had not come by 2026-11-25T00:00:00Z.`],
    ['reviewed late', reviewed(5, {}), `${due}came at 2026-11-24T05:00:00Z.`],
    [
      'reviewed by who broke the glass',
      reviewed(3, person('olivia')),
      `${due}only olivia reviewed it, who is no other person.`,
    ],
    [
      'reviewed by the agent that asked',
      reviewed(3, anActor({ display: null, on_behalf_of: [] })),
      `${due}only agent-7 reviewed it, who is no other person.`,
    ],
    [
      'reviewed by no person',
      reviewed(3, { kind: 'service' }),
      `${due}only nia reviewed it, who is no other person.`,
    ],
    [
      'reviewed by somebody for somebody',
      reviewed(3, { on_behalf_of: [person('olivia')] }),
      `${due}only nia reviewed it, who is no other person.`,
    ],
  ] as const) {
    test(`one ${what} is an exception`, () => {
      const result = resultOf([...overridden(us(4)), ...(review === null ? [] : [review])])
      assert.deepEqual(foundBy(result, 'AC5-09'), [expected])
      const [objective] = result.objectives.filter(({ objective: { id } }) => id === 'ac-3.10_obj')
      assert.equal(objective?.state, 'exceptions')
    })
  }

  test('one counts in the period in which its review was due, once the ledger reaches there', () => {
    for (const [events, endMs] of [
      [overridden(us(-1)), frozen.toMs],
      [overridden(us(24)), frozen.toMs],
      [overridden(us(4)), fromMs + 3 * 3_600_000],
    ] as const) {
      const rule = resultOf(events, endMs).rules.get('AC5-09')
      assert.deepEqual([rule?.checked, rule?.exceptions], [0, []])
      assert.match(rule?.notEvaluated ?? '', /no review of a break-glass was due/)
    }
  })

  test('what was erased cannot be looked into', () => {
    const facts = newFacts(frozen)
    const [, event] = overridden(us(4)).map((each) => anEvent(each))
    assert.ok(event !== undefined)
    facts.take({ ...sealed(event, 1), event: null }, event.occurred_at, event.occurred_at, false)
    const rest = { genesis: 1, losses: 0, quarantined: 0, duplicates: 0, outsidePeriod: 1 }
    const result = conclude(frozen, facts, { ...rest, entries: 2, projected: 0, scanned: 0 })
    assert.match(result.rules.get('AC5-09')?.notEvaluated ?? '', /^1 events about break-glass/)
  })
})
