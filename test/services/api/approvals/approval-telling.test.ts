import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ApprovalUpdate, ControlUpdate } from '../../../../schemas/control.ts'
import { ApprovalTelling } from '../../../../services/api/approvals/approval-telling.ts'
import type { BookedApproval } from '../../../../services/api/approvals/approval-book.ts'
import type { UnversionedUpdate } from '../../../../services/api/control/control-publisher.ts'
import { answerApproval } from '../../../../services/edge/guard/approvals/approval.ts'
import { Overrides } from '../../../../services/edge/guard/approvals/overrides.ts'
import { HeldRequests } from '../../../../services/edge/guard/approvals/held-requests.ts'
import { anActor, anEvent } from '../../../support/an-event.ts'
import {
  aBinding,
  anAnswer,
  anApproval,
  anOverride,
  breakable,
} from '../../edge/guard/approvals/approval-builders.ts'

const overrides = new Overrides()

/** What the sealed events tell, all of it answered. */
function aBook(recorded: readonly BookedApproval[]) {
  return {
    answered: () => {
      const ids = recorded.map(({ approval }) => approval.approvalId)
      return Promise.resolve({ ids, isCut: false })
    },
    find: (id: string) =>
      Promise.resolve(recorded.find(({ approval }) => approval.approvalId === id) ?? null),
  }
}

function booked(verdict: 'grant' | 'deny' | null): BookedApproval {
  const answer = verdict === null ? null : anAnswer('sam', { verdict })
  const asked = anEvent({ type: 'approval.requested' })
  const pending = anApproval()
  const approval = answer === null ? pending : answerApproval(pending, answer, 1_000).approval
  return {
    approval,
    edge: 'edge-1',
    asked,
    isCut: false,
    askedAt: { log: 'log', position: 1 },
    answers: answer === null ? [] : [{ answer, atMs: 1_000 }],
    reviewDueMs: null,
    forgottenAtMs: null,
  }
}

/** What one process of the api does; `dies` before anything is on the bus. */
function anApi(recorded: readonly BookedApproval[], options: { readonly dies?: boolean } = {}) {
  const told: ApprovalUpdate[] = []
  const telling = new ApprovalTelling({
    book: aBook(recorded),
    publisher: {
      publish: (update: UnversionedUpdate) => {
        if (options.dies === true) return Promise.reject(new Error('killed'))
        told.push({ ...update, version: told.length + 1 } as ApprovalUpdate)
        return Promise.resolve()
      },
    },
    overrides,
  })
  return { telling, told }
}

const terms = { expiresMs: 900_000, sizeBytes: 100 }

function anEdge(): HeldRequests {
  const clock = { nowMs: () => 2_000, nowUs: () => 2_000_000 }
  const held = new HeldRequests({ edge: 'edge-1', clock, newId: () => 'approval-1' })
  held.ask(aBinding(), 'r1', terms, () => true)
  return held
}

test('an answer that was recorded before the api died reaches the edge from the next one', async () => {
  for (const [verdict, expected] of [
    ['grant', 'granted'],
    ['deny', 'denied'],
  ] as const) {
    const recorded = booked(verdict)
    const killed = anApi([recorded], { dies: true })
    await assert.rejects(killed.telling.tell(recorded), /killed/)
    assert.deepEqual(killed.told, [])

    const edge = anEdge()
    const next = anApi([recorded])
    await next.telling.catchUp()
    assert.deepEqual(
      next.told.map((update) => edge.apply(update)),
      ['applied'],
    )
    assert.equal(edge.ask(aBinding(), 'r2', terms, () => true).kind, expected)
  }
})

test('an answer that cannot be told keeps no other back', async () => {
  const first = booked('grant')
  const approval = { ...first.approval, approvalId: 'approval-2' }
  const told: string[] = []
  const telling = new ApprovalTelling({
    book: aBook([first, { ...first, approval }]),
    publisher: {
      publish: (update: UnversionedUpdate) => {
        const { approval_id: id } = update as ApprovalUpdate
        if (id === first.approval.approvalId) return Promise.reject(new Error('too large'))
        told.push(id)
        return Promise.resolve()
      },
    },
    overrides,
  })
  await assert.rejects(telling.catchUp(), /too large/)
  assert.deepEqual(told, ['approval-2'])
})

test('an api that died after telling tells it again, which changes nothing at the edge', async () => {
  const recorded = booked('grant')
  const edge = anEdge()
  const first = anApi([recorded])
  await first.telling.tell(recorded)
  const next = anApi([recorded])
  await next.telling.catchUp()
  const updates = [...first.told, ...next.told]
  assert.deepEqual(
    updates.map((update) => edge.apply(update)),
    ['applied', 'repeated'],
  )
  assert.equal(edge.ask(aBinding(), 'r2', terms, () => true).kind, 'granted')
  assert.equal(
    edge.ask(aBinding(), 'r3', terms, () => true).kind,
    'pending',
    'a grant is for one use',
  )
})

test('what is told is told once by a process, and what is not decided or is over not at all', async () => {
  const used = booked('grant')
  const state = { kind: 'used', atMs: 2_000, requestId: 'r2' } as const
  const over = { ...used, approval: { ...used.approval, state } }
  const { telling, told } = anApi([booked(null), over])
  await telling.catchUp()
  assert.deepEqual(told, [])
  const granted = anApi([booked('grant')])
  await granted.telling.catchUp()
  await granted.telling.catchUp()
  assert.equal(granted.told.length, 1)
})

test('what the bus did not take is told when it does', async () => {
  const recorded = booked('grant')
  const options = { dies: true }
  const { telling, told } = anApi([recorded], options)
  await assert.rejects(telling.catchUp(), /killed/)
  options.dies = false
  await telling.catchUp()
  assert.equal(told.length, 1)
})

test('that an override has to be reviewed is told before it, and again by the next process when the first has died', async () => {
  const answer = anOverride('olivia')
  const recorded: BookedApproval = {
    approval: answerApproval(anApproval(breakable), answer, 1_000).approval,
    edge: 'edge-1',
    asked: anEvent({ type: 'approval.requested', actor: anActor() }),
    isCut: false,
    askedAt: { log: 'log', position: 1 },
    answers: [{ answer, atMs: 1_000 }],
    reviewDueMs: 1_000 + 3_600_000,
    forgottenAtMs: null,
  }
  // What a process knows of it comes from the topic.
  const topic: ControlUpdate[] = []
  const aProcess = (mostTold: number) => {
    const known = new Overrides()
    for (const update of topic) if (update.kind === 'override') known.apply(update)
    let told = 0
    return new ApprovalTelling({
      book: aBook([recorded]),
      publisher: {
        publish: (update: UnversionedUpdate) => {
          if ((told += 1) > mostTold) return Promise.reject(new Error('killed'))
          topic.push({ ...update, version: topic.length + 1 })
          return Promise.resolve()
        },
      },
      overrides: known,
    })
  }
  await assert.rejects(aProcess(0).tell(recorded), /killed/)
  await assert.rejects(aProcess(1).catchUp(), /killed/)
  await aProcess(1).catchUp()
  assert.deepEqual(
    topic.map(({ kind }) => kind),
    ['override', 'approval'],
  )
  const [override] = topic
  assert.ok(override?.kind === 'override')
  assert.deepEqual(
    [override.by.subject, override.overridden_at, override.due_at, override.reviewer_roles],
    ['olivia', 1_000, 3_601_000, ['owner']],
  )
})
