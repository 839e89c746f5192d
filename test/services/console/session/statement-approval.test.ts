import assert from 'node:assert/strict'
import { test } from 'node:test'

import { inBrief } from '../../../../services/console/src/session/statement-approval.ts'

type History = Parameters<typeof inBrief>[0]

const olivia = { kind: 'human', subject: 'olivia', issuer: 'https://i', display: 'Olivia' }
const expiresAt = '2026-11-30T10:00:00.000Z'

function asked(): History {
  const step: History['steps'][number] = {
    type: 'approval.requested',
    at: '2026-11-30T09:00:00.000Z',
    actor: olivia,
    on_behalf_of: [],
    session_id: 'session-1',
    request_id: 'request-1',
    requirements: [],
    expires_at: expiresAt,
    reason: null,
    missing: null,
    approvers: [],
    override: null,
    log: 'log',
    position: 1,
  }
  return { approval_id: 'approval-1', steps: [step] }
}

test('what nobody answered waits for its time, and no longer, also where no edge says that it is over', () => {
  const endMs = Date.parse(expiresAt)
  assert.equal(inBrief(asked(), 'request-1', endMs - 1), 'waits for approval')
  assert.equal(inBrief(asked(), 'request-1', endMs), 'not answered in time')
})
