import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { HeldRequests } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import {
  ApprovalWait,
  WaitingRoom,
} from '../../../../../services/edge/postgres/holds/approval-wait.ts'
import type { WaitEnd } from '../../../../../services/edge/postgres/holds/approval-wait.ts'
import { decodeBackend } from '../../../../../services/edge/postgres/protocol/backend.ts'
import { Framer } from '../../../../../services/edge/postgres/protocol/frame.ts'
import { backend } from '../../../../../services/edge/postgres/protocol/message-types.ts'
import {
  aBinding,
  anAnswer,
  anApprovalUpdate,
  published,
} from '../../guard/approvals/approval-builders.ts'

interface Waiting {
  readonly wait: ApprovalWait
  readonly held: HeldRequests
  readonly room: WaitingRoom
  /** How it ended, each time that it told so. */
  readonly ends: (WaitEnd | null)[]
  readonly outdate: () => void
}

function aWait(t: TestContext, waitMs: number): Waiting {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const clock = { nowMs: () => 0, nowUs: () => 0 }
  const held = new HeldRequests({ edge: 'edge-1', clock, newId: () => 'approval-1' })
  const asked = held.ask(aBinding(), 'r1', { expiresMs: 60_000, sizeBytes: 100 }, () => true)
  assert.ok(asked.kind === 'pending')
  const room = new WaitingRoom(1)
  assert.ok(room.enter())
  const ends: (WaitEnd | null)[] = []
  let isOutdated = false
  const wait = new ApprovalWait({
    held,
    room,
    approval: asked.approval,
    nowMs: 0,
    waitMs,
    request: null,
    requestId: 'r1',
    isOutdated: () => isOutdated,
    onOver: () => ends.push(wait.end),
  })
  return {
    wait,
    held,
    room,
    ends,
    outdate: () => {
      isOutdated = true
    },
  }
}

test('a wait ends at its time, and gives its place back, once', (t) => {
  const { wait, room, ends } = aWait(t, 5_000)
  t.mock.timers.tick(4_999)
  assert.deepEqual([ends, room.enter()], [[], false])
  t.mock.timers.tick(1)
  wait.finish('cancelled')
  wait.abandon()
  assert.deepEqual(ends, ['out_of_time'])
  assert.equal(wait.isExpired, false, 'it may still be answered')
  assert.deepEqual([room.enter(), room.enter()], [true, false])
})

test('it lasts no longer than the approval may be answered, and knows', (t) => {
  const { wait, ends } = aWait(t, 600_000)
  t.mock.timers.tick(60_000)
  assert.deepEqual([ends, wait.isExpired], [['out_of_time'], true])
})

test('an answer ends it at once, whatever it says', (t) => {
  for (const [verdict, outcome] of [
    ['grant', 'granted'],
    ['deny', 'denied'],
  ] as const) {
    const { held, ends } = aWait(t, 5_000)
    const answers = [published(anAnswer('sam', { verdict }))]
    assert.equal(held.apply(anApprovalUpdate(aBinding(), { outcome, answers })), 'applied')
    t.mock.timers.tick(5_000)
    assert.deepEqual(ends, ['answered'])
    t.mock.timers.reset()
  }
})

test('it notices within a second that another policy is in force', (t) => {
  const { outdate, ends } = aWait(t, 5_000)
  t.mock.timers.tick(1_000)
  outdate()
  assert.deepEqual(ends, [])
  t.mock.timers.tick(1_000)
  assert.deepEqual(ends, ['policy_changed'])
})

test('one that is abandoned tells nobody, not even when the answer comes', (t) => {
  const { wait, held, room, ends } = aWait(t, 5_000)
  wait.abandon()
  held.apply(anApprovalUpdate(aBinding()))
  t.mock.timers.tick(5_000)
  assert.deepEqual(ends, [])
  assert.ok(room.enter())
})

test('the client is told once, for what it waits and until when', (t) => {
  const { wait } = aWait(t, 5_000)
  const notice = wait.takeNotice()
  assert.ok(notice !== null)
  const decoded = decodeBackend(backend.noticeResponse, notice, 0, notice.length)
  assert.ok(decoded?.type === 'notice')
  assert.deepEqual(
    ['S', 'C', 'M'].map((field) => decoded.fields.get(field)),
    [
      'NOTICE',
      '00000',
      'held for approval approval-1: waiting for it until 1970-01-01T00:00:05.000Z',
    ],
  )
  assert.equal(wait.takeNotice(), null)
})

test('a message behind the one that waits is found, wherever its bytes are split', () => {
  const message = (type: string, body: string): Buffer => {
    const bytes = Buffer.alloc(5 + body.length)
    bytes.write(type)
    bytes.writeUInt32BE(4 + body.length, 1)
    bytes.write(body, 5)
    return bytes
  }
  const bytes = Buffer.concat([message('Q', 'XXXX'), message('Q', 'X'), message('X', '')])
  const limits = { maxMessageBytes: 1_000, wholeUpTo: () => 1_000 }
  const terminate = 'X'.charCodeAt(0)
  for (let at = 9; at <= bytes.length; at++) {
    const framer = new Framer(limits)
    const stop = { message: () => false, part: () => false }
    framer.push(bytes.subarray(0, at), stop)
    assert.equal(framer.hasUnread(terminate), at === bytes.length, `after ${at} bytes`)
    framer.push(bytes.subarray(at), stop)
    assert.equal(framer.hasUnread(terminate), true)
  }
})
