import assert from 'node:assert/strict'
import { test } from 'node:test'

import { decodeEvent } from '../../../schemas/codec.ts'
import { approvalMessage } from '../../../services/forwarder/mapping/approval-message.ts'
import { ALog } from '../../support/a-log.ts'
import { anEvent } from '../../support/an-event.ts'
import { sealStep } from './approval-events.ts'

const nowMs = Date.UTC(2026, 10, 25, 8)
const place = { log: 'ledger.example/0', position: 7, leafHash: Buffer.alloc(32, 9) }

test('it says who asks for whom, by which rule, and where that is sealed', () => {
  const event = decodeEvent(sealStep(new ALog(), 'approval.requested', nowMs).value)
  const message = approvalMessage(event, place, 'https://console.example/', nowMs)
  assert.ok(message !== null)
  assert.equal(message.id, event.id)
  const { type, timestamp, data } = JSON.parse(message.body) as Record<string, never>
  assert.equal(type, 'approval.requested')
  assert.equal(timestamp, '2026-11-25T08:00:00.000Z')
  assert.partialDeepStrictEqual(data, {
    target: 'shop-db',
    database: 'shop',
    rules: [{ rule: 'deletes-wait', role: 'approver', approvers: 1 }],
    statement_sha256: '02'.repeat(32),
    expires_at: '2026-11-25T08:10:00.000Z',
    reason: null,
    console: 'https://console.example/approvals',
    sealed: { log: place.log, position: 7, leaf_hash: place.leafHash.toString('base64') },
  })
})

test('of an event that is no step of an approval there is nothing to tell', () => {
  assert.equal(approvalMessage(anEvent(), place, 'https://console.example', nowMs), null)
})

test('of a break-glass it says by whom, why, and until when it has to be reviewed', () => {
  const log = new ALog()
  const by = {
    kind: 'human',
    subject: 'u-1001',
    issuer: 'https://issuer.example',
    display: null,
  } as const
  const override = { by, due_at: (nowMs + 3_600_000) * 1000, verdict: null }
  const answer = { decision_id: 'd', reason: 'the shop is down', roles: ['on-call'], missing: 0 }
  const told = (type: 'approval.overridden' | 'override.overdue'): unknown => {
    const event = decodeEvent(sealStep(log, type, nowMs, answer, override).value)
    const message = approvalMessage(event, place, 'https://console.example/', nowMs)
    return JSON.parse(message?.body ?? 'null')
  }
  const data = {
    reason: 'the shop is down',
    break_glass: { by, review_due_at: '2026-11-25T09:00:00.000Z', verdict: null },
  }
  for (const type of ['approval.overridden', 'override.overdue'] as const) {
    assert.partialDeepStrictEqual(told(type), { type, data })
  }
})
