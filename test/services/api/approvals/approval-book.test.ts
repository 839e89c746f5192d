import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'

import { openControlRecord } from '../../../../schemas/control-record.ts'
import type { AuditEvent } from '../../../../schemas/event.ts'
import { ApprovalBook } from '../../../../services/api/approvals/approval-book.ts'
import { approvalView } from '../../../../services/api/approvals/approval-view.ts'
import { ApprovalTelling } from '../../../../services/api/approvals/approval-telling.ts'
import { ControlPublisher } from '../../../../services/api/control/control-publisher.ts'
import { ControlState } from '../../../../services/api/control/control-state.ts'
import type { BusProducer } from '../../../../services/bus/bus.ts'
import { bindingSha256 } from '../../../../services/edge/guard/approvals/hold-binding.ts'
import { Overrides } from '../../../../services/edge/guard/approvals/overrides.ts'
import type { Query } from '../../../../services/indexer/query.ts'
import type { LedgerReader } from '../../../../services/ledger/reader.ts'
import { anActor, anApproval, anEvent, aRequest, encoded } from '../../../support/an-event.ts'
import { aBinding } from '../../edge/guard/approvals/approval-builders.ts'
import { aLockoutUpdate, anApiKey } from '../../edge/guard/control-builders.ts'

// As clocks tell it: not at a whole millisecond.
const askedUs = 1_764_000_000_000_123
const answeredUs = askedUs + 5_000_761
const nowMs = 1_764_000_060_000
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }

const binding = aBinding()
const asker = anActor({
  subject: 'shop-agent',
  issuer: binding.actor.issuer,
  on_behalf_of: binding.onBehalfOf.map((each) => ({ ...each, display: null })),
})
const part = anApproval({
  binding_sha256: Buffer.from(bindingSha256(binding), 'hex'),
  statement_sha256: Buffer.from(binding.statementSha256, 'hex'),
  parameters_sha256: Buffer.from(binding.parametersSha256, 'hex'),
  role: binding.role,
  requirements: [{ rule_id: 'deletes', role: 'owner', approvers: 1, break_glass: null }],
  expires_at: askedUs + 900_000_000,
})

const asked = anEvent({
  type: 'approval.requested',
  occurred_at: askedUs,
  actor: asker,
  target: { name: 'shop', kind: 'postgres', address: '127.0.0.1:5432' },
  policy_digest: Buffer.from(binding.policyDigest, 'hex'),
  approval: part,
})

const granted = anEvent({
  type: 'approval.granted',
  occurred_at: answeredUs,
  actor: anActor({ kind: 'human', subject: 'sam', issuer: binding.actor.issuer, on_behalf_of: [] }),
  approval: {
    ...part,
    answer: { decision_id: 'decision-1', reason: 'looked at it', roles: ['owner'], missing: 0 },
  },
})

/** What the next process of an api finds sealed. */
function aBook(
  events: readonly AuditEvent[],
  ixType: (event: AuditEvent) => string = ({ type }) => type,
  mostOfKind?: number,
): ApprovalBook {
  const search: Query['search'] = ({ kind, text }, page) => {
    const found = events
      .map((event, position) => ({ event, position }))
      .filter(({ event }) => event.type === kind)
      .filter(({ event: { approval } }) =>
        [approval?.approval_id, approval?.answer?.reason].some(
          (words) => text === undefined || words?.includes(text.replaceAll('"', '')) === true,
        ),
      )
      .toSorted((one, other) => other.event.occurred_at - one.event.occurred_at)
    const from = Number(page?.after ?? 0)
    const to = from + Math.min(page?.limit ?? 50, 10)
    const hits = found.slice(from, to).map(({ event, position }) => ({
      log: 'log',
      position,
      occurredAtMs: Math.floor(event.occurred_at / 1000),
    }))
    return Promise.resolve({ hits, next: to < found.length ? String(to) : null } as never)
  }
  const entry = (_log: string, position: number) => {
    const event = events[position]
    if (event === undefined) return Promise.resolve({ payload: null } as never)
    const leaf = { type: 'event', ix: { type: ixType(event) } }
    return Promise.resolve({ leaf, payload: encoded(event) } as never)
  }
  return new ApprovalBook({
    query: { search } as Query,
    reader: { entry } as unknown as LedgerReader,
    clock,
    ...(mostOfKind === undefined ? {} : { mostOfKind }),
  })
}

/** An approval of its own, `afterMs` after the first one. */
function another(id: string, afterMs: number, event: AuditEvent = asked): AuditEvent {
  const occurred_at = event.occurred_at + afterMs * 1000
  return { ...event, occurred_at, approval: { ...(event.approval ?? part), approval_id: id } }
}

function aPublisher(key = anApiKey()) {
  const sent: { readonly key: Buffer; readonly value: Buffer }[] = []
  const producer: BusProducer = {
    send: (_topic, recordKey, records) => {
      for (const { value } of records) sent.push({ key: recordKey, value })
      return Promise.resolve({ partition: 0, baseOffset: 0n })
    },
  }
  const publisher = new ControlPublisher({
    producer,
    sign: (message) => sign(null, message, key.privateKey),
    clock,
    state: new ControlState(key.publicKey),
  })
  return { publisher, sent, key }
}

test('an answer that only the sealed events know is told in a form that edges read', async () => {
  const { publisher, sent, key } = aPublisher()
  const telling = new ApprovalTelling({
    book: aBook([asked, granted]),
    publisher,
    overrides: new Overrides(),
  })
  await telling.catchUp()
  const [record] = sent
  assert.ok(record !== undefined)
  const opened = openControlRecord(record, key.publicKey)
  assert.ok(opened.ok && opened.update.kind === 'approval')
  assert.equal(opened.update.outcome, 'granted')
  assert.equal(opened.update.decided_at, Math.floor(answeredUs / 1000))
})

test('what no edge would read is not published, and whoever wanted it learns so', async () => {
  const { publisher, sent } = aPublisher()
  await assert.rejects(
    publisher.publish({ ...aLockoutUpdate(), name: '' }),
    /no edge would read this lockout update: \/name/,
  )
  assert.deepEqual(sent, [])
})

test('an answer that was set aside is none, whatever its bytes and the index say', async () => {
  const setAside = ({ type }: AuditEvent): string =>
    type === 'approval.granted' ? 'quarantined' : type
  const [told] = (await aBook([asked, granted]).all()).approvals
  const [untold] = (await aBook([asked, granted], setAside).all()).approvals
  assert.equal(told?.approval.state.kind, 'granted')
  assert.equal(untold?.approval.state.kind, 'pending')
})

test('of a long request its beginning is kept, with nothing of its bytes, and all of it is there for whoever looks', async () => {
  const text = `DELETE FROM orders /* ${'€'.repeat(80_000)} */`
  const value = Buffer.alloc(16_384, 'v')
  const request = aRequest(text, {
    parameters: [{ format: 0, value, value_bytes: 50_000, value_sha256: Buffer.alloc(32) }],
  })
  const book = aBook([{ ...asked, request }])
  const [kept] = (await book.all()).approvals
  assert.ok(kept !== undefined)
  const seen = { override: null, mayAnswer: true, mayOverride: false, nowMs }
  const short = approvalView(kept, seen)
  assert.ok(short.is_cut && text.startsWith(short.statement) && short.statement.length < 2_048)
  assert.deepEqual([short.statement_bytes, short.parameters], [Buffer.byteLength(text), []])
  for (const bytes of [kept.asked.request?.statement, kept.asked.approval?.binding_sha256]) {
    assert.ok(bytes !== undefined && bytes.buffer.byteLength < 10_000)
  }
  const found = await book.find('approval-1')
  assert.ok(found !== null)
  const whole = approvalView(found, seen)
  assert.deepEqual([whole.is_cut, whole.statement], [false, text])
  // A value that is recorded in part does not pass for all of it.
  assert.deepEqual(whole.parameters, [
    { format: 0, value: value.toString(), bytes: 50_000, is_cut: true },
  ])
})

test('a short request is whole at once', async () => {
  const value = { format: 0, value: Buffer.from('7'), value_bytes: 1, value_sha256: null }
  const request = aRequest('DELETE FROM orders WHERE id = $1', { parameters: [value] })
  const [kept] = (await aBook([{ ...asked, request }]).all()).approvals
  assert.equal(kept?.isCut, false)
  assert.deepEqual(kept.asked.request?.parameters, [value])
  assert.equal(kept.asked.request.statement.toString(), 'DELETE FROM orders WHERE id = $1')
})

test('where too much was asked to list all of it, that is said, and each is found by its id', async () => {
  const later = Array.from({ length: 30 }, (_, index) => another(`later-${index}`, index + 1))
  const book = aBook([asked, granted, ...later], undefined, 20)
  const { approvals, listedFromMs } = await book.all()
  const askedMs = Math.floor(askedUs / 1000)
  assert.equal(listedFromMs, askedMs + 12)
  assert.deepEqual(
    approvals.map(({ approval }) => approval.approvalId),
    later
      .slice(11)
      .map((event) => event.approval?.approval_id)
      .toReversed(),
  )
  assert.equal((await book.find('approval-1'))?.approval.state.kind, 'granted')
})

test('what all that was answered meanwhile leaves unknown is not listed as open', async () => {
  const denied = anEvent({ ...granted, type: 'approval.denied' })
  const later = Array.from({ length: 30 }, (_, index) => {
    const id = `later-${index}`
    return [another(id, 10_000 + index), another(id, 10_000 + index, granted)]
  })
  const book = aBook([asked, denied, ...later.flat()], undefined, 40)
  assert.equal((await book.all()).listedFromMs, null)
  const cut = aBook([asked, denied, ...later.flat()], undefined, 20)
  const { approvals, listedFromMs } = await cut.all()
  assert.ok(listedFromMs !== null && listedFromMs > askedUs / 1000)
  assert.deepEqual(
    approvals.filter(({ approval }) => approval.state.kind !== 'granted'),
    [],
  )
  assert.equal((await cut.find('approval-1'))?.approval.state.kind, 'denied')
})

test('an approval that more events name than are looked through is not answered', async () => {
  const answer = { decision_id: 'd', reason: 'not as approval-1', roles: ['owner'], missing: 0 }
  const talk = Array.from({ length: 30 }, (_, index) =>
    another(`other-${index}`, index, { ...granted, approval: { ...part, answer } }),
  )
  const events = [asked, granted, ...talk]
  assert.equal((await aBook(events).find('approval-1'))?.answers.length, 1)
  await assert.rejects(
    aBook(events, undefined, 20).find('approval-1'),
    /more than 20 events of the kind approval.granted name the approval approval-1/,
  )
})

test('an answer is told however much was asked after it, and not once its use is over', async () => {
  const later = Array.from({ length: 30 }, (_, index) => another(`later-${index}`, index + 1))
  const book = aBook([asked, granted, ...later], undefined, 20)
  assert.deepEqual(await book.answered(), { ids: ['approval-1'], isCut: false })
  const { publisher, sent } = aPublisher()
  const telling = new ApprovalTelling({ book, publisher, overrides: new Overrides() })
  await telling.catchUp()
  assert.equal(sent.length, 1)
  const dayUs = 24 * 3_600_000_000
  const old = { ...part, expires_at: part.expires_at - dayUs }
  const over = [asked, granted].map((event) => ({
    ...event,
    occurred_at: event.occurred_at - dayUs,
    approval: { ...(event.approval ?? part), expires_at: old.expires_at },
  }))
  assert.deepEqual(await aBook(over).answered(), { ids: [], isCut: false })
})

test('that there are more answers than were looked through is told as a failure', async () => {
  const many = Array.from({ length: 30 }, (_, index) => another(`a-${index}`, index, granted))
  const { publisher } = aPublisher()
  const book = aBook(many, undefined, 20)
  const telling = new ApprovalTelling({ book, publisher, overrides: new Overrides() })
  await assert.rejects(telling.catchUp(), /more answers of the last day than were looked through/)
})

const atUs = (afterMs: number) => ({ occurred_at: askedUs + afterMs * 1000, producer_seq: 7 })

test('what an edge asked for before it stopped or started anew is forgotten, where it was open', async () => {
  for (const type of ['edge.started', 'edge.stopped'] as const) {
    const end = anEvent({ type, ...atUs(20_000) })
    for (const events of [[asked], [asked, granted]]) {
      const book = aBook([...events, end])
      const [booked] = (await book.all()).approvals
      assert.ok(booked !== undefined)
      assert.equal(booked.forgottenAtMs, Math.floor(askedUs / 1000) + 20_000)
      assert.deepEqual(await book.find('approval-1'), booked)
      const by = { kind: 'human', subject: 'nia', issuer: '', display: null } as const
      const answer = {
        decisionId: 'd',
        verdict: 'deny',
        reason: 'no',
        by: { ...by, roles: ['owner'], isDelegated: false },
      } as const
      assert.deepEqual(book.tryAnswer(booked, answer), { ok: false, refusal: 'forgotten' })
    }
  }
})

test('what is over is not forgotten, nor what another edge asked for, or this one later', async () => {
  const end = anEvent({ type: 'edge.started', ...atUs(20_000) })
  const denied = anEvent({ ...granted, type: 'approval.denied' })
  const used = anEvent({ type: 'approval.used', ...atUs(9_000), approval: part })
  const others: readonly (readonly AuditEvent[])[] = [
    [asked, denied, end],
    [asked, granted, used, end],
    [asked, { ...end, producer: 'edge-2' }],
    [{ ...asked, producer_seq: 8 }, end],
  ]
  for (const events of others) {
    const found = await aBook(events).find('approval-1')
    assert.equal(found?.forgottenAtMs, null)
  }
})

test('nothing is told to an edge of what it has forgotten', async () => {
  const { publisher, sent } = aPublisher()
  const book = aBook([asked, granted, anEvent({ type: 'edge.started', ...atUs(20_000) })])
  await new ApprovalTelling({ book, publisher, overrides: new Overrides() }).catchUp()
  assert.deepEqual(sent, [])
})

test('where edges started too often to know whether one has forgotten, that is said', async () => {
  const ends = Array.from({ length: 30 }, (_, index) =>
    anEvent({ type: 'edge.started', producer: 'edge-2', ...atUs(20_000 + index) }),
  )
  const book = aBook([asked, ...ends], undefined, 20)
  assert.deepEqual((await book.all()).approvals, [])
  await assert.rejects(book.find('approval-1'), /edges have started so often since/)
})
