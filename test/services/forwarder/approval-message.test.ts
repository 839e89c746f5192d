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
