import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AuditEvent } from '../../../../schemas/event.ts'
import { approvalsOfSession } from '../../../../services/api/approvals/approval-history.ts'
import type { ApprovalHistoryOptions } from '../../../../services/api/approvals/approval-history.ts'
import { anApproval, anEvent, encoded } from '../../../support/an-event.ts'

/** What a search finds, newest first, page by page; the entry at each position is the event of it. */
function aLedgerOf(events: readonly AuditEvent[]): ApprovalHistoryOptions {
  const search: ApprovalHistoryOptions['query']['search'] = (filter, page) => {
    const found = events
      .map(({ type, approval }, position) => ({ type, position, log: 'log-1', approval }))
      .filter(({ type }) => filter.kind === undefined || type === filter.kind)
      .filter(
        ({ approval }) => filter.text === undefined || filter.text === `"${approval?.approval_id}"`,
      )
      .toReversed()
    const from = Number(page?.after ?? 0)
    const to = from + (page?.limit ?? 50)
    const next = to < found.length ? String(to) : null
    return Promise.resolve({ hits: found.slice(from, to), next } as unknown as Awaited<
      ReturnType<typeof search>
    >)
  }
  const entry = (_log: string, position: number): Promise<object> => {
    const event = events[position] ?? anEvent()
    const leaf = { type: 'event', ix: { type: event.type } }
    return Promise.resolve({ leaf, payload: encoded(event) })
  }
  return { query: { search }, reader: { entry } } as unknown as ApprovalHistoryOptions
}

const steps = (...types: readonly AuditEvent['type'][]): readonly AuditEvent[] =>
  types.map((type, index) => anEvent({ type, occurred_at: index + 1, approval: anApproval() }))

test('who asked is found behind as many refusals as there are', async () => {
  const refusals = Array.from({ length: 1_200 }, () => 'request.received' as const)
  const { approvals, isCut } = await approvalsOfSession(
    aLedgerOf(steps('approval.requested', ...refusals, 'approval.granted', 'approval.used')),
    's-1',
  )
  assert.deepEqual(
    approvals.map(({ steps: found }) => found.map(({ event }) => event.type)),
    [['approval.requested', 'approval.granted', 'approval.used']],
  )
  assert.equal(isCut, false)
})

test('what is not looked through is said', async () => {
  const refusals = Array.from({ length: 10_000 }, () => 'request.received' as const)
  const { approvals, isCut } = await approvalsOfSession(
    aLedgerOf(steps('approval.requested', ...refusals, 'approval.used')),
    's-1',
  )
  assert.deepEqual(
    approvals[0]?.steps.map(({ event }) => event.type),
    ['approval.used'],
  )
  assert.equal(isCut, true)
})

test('of more than 200 approvals the newest are told, and that there are more', async () => {
  for (const [count, isCut] of [
    [200, false],
    [201, true],
    [700, true],
  ] as const) {
    const events = Array.from({ length: count }, (_, index) =>
      anEvent({
        type: 'approval.requested',
        occurred_at: index + 1,
        approval: anApproval({ approval_id: `approval-${index}` }),
      }),
    )
    const told = await approvalsOfSession(aLedgerOf(events), 's-1')
    assert.equal(told.isCut, isCut)
    assert.equal(told.approvals.length, 200)
    assert.equal(told.approvals.at(-1)?.approvalId, `approval-${count - 1}`)
  }
})
