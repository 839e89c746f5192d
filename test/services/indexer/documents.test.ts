import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { eventTypes } from '../../../schemas/event-types.ts'
import type { AuditEvent, Principal } from '../../../schemas/event.ts'
import { encodeTargetCodeChange, targetCode } from '../../../schemas/target-code.ts'
import type { TargetCodeChange } from '../../../schemas/target-code.ts'
import { documentOf } from '../../../services/indexer/documents.ts'
import type { IndexDocument } from '../../../services/indexer/documents.ts'
import { kinds, relationNames } from '../../../services/indexer/terms.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aResponse,
  anActor,
  anEvent,
  encoded,
} from '../../support/an-event.ts'

function documentFor(value: Buffer): IndexDocument {
  return documentOf({ log: 'ledger.example/0', position: 7, leafHash: Buffer.alloc(32, 1), value })
}

const texts = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed())
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
const counts = fc.nat()

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(value, { nil: null })
}

const principals: fc.Arbitrary<Principal> = fc.record(
  {
    kind: fc.constantFrom('unknown', 'human', 'agent', 'service'),
    subject: texts,
    issuer: texts,
    display: maybe(texts),
  },
  { noNullPrototype: true },
)

const events: fc.Arbitrary<AuditEvent> = fc
  .record({
    type: fc.constantFrom(...eventTypes),
    occurred_at: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    producer: texts,
    producer_seq: counts,
    request_id: maybe(texts),
    session_id: maybe(texts),
    actor: maybe(
      fc
        .tuple(principals, fc.array(principals, { maxLength: 3 }))
        .map(([principal, on_behalf_of]) => anActor({ ...principal, on_behalf_of })),
    ),
    target: maybe(fc.record({ name: texts, kind: texts, address: texts })),
    request: maybe(
      fc
        .tuple(bytes, texts, fc.array(texts), fc.array(texts))
        .map(([text, operation, reads, writes]) => aRequest(text, { operation, reads, writes })),
    ),
    decision: maybe(
      fc
        .tuple(fc.array(texts), maybe(texts))
        .map(([rule_ids, reason]) => aDecision({ rule_ids, reason })),
    ),
    completion: maybe(maybe(texts).map((error_message) => aCompletion({ error_message }))),
    response: maybe(counts.map((chunk) => aResponse({ chunk }))),
    evidence: maybe(
      fc.record({
        subject: fc.constant('entry' as const),
        reference: maybe(texts),
        query: maybe(texts),
        results: maybe(counts),
      }),
    ),
  })
  .map(anEvent)

test('every event has a document, which is plain data that JSON keeps', () => {
  fc.assert(
    fc.property(events, (event) => {
      const document = documentFor(encoded(event))
      assert.equal(document.type, event.type)
      assert.equal(document.eventId, event.id)
      assert.deepEqual(structuredClone(document.actor), event.actor)
      assert.equal(
        document.request?.hasReplacements ?? false,
        document.request !== null &&
          !Buffer.from(document.request.text).equals(event.request?.statement ?? Buffer.alloc(0)),
      )
      assert.deepEqual(JSON.parse(JSON.stringify(document)), structuredClone(document))
    }),
    { numRuns: 300 },
  )
})

test('any bytes have a document', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (array, isFramed) => {
      const value = Buffer.concat([Buffer.from(isFramed ? [0, 0, 0, 0, 1] : []), array])
      const document = documentFor(value)
      assert.equal(document.position, 7)
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no event are quarantined, with the reason', () => {
  const document = documentFor(Buffer.from('nonsense'))
  assert.equal(document.type, 'quarantined')
  assert.equal(document.eventId, null)
  assert.deepEqual(document.remarks, ['EVENT_FRAME_INVALID'])
})

test('what was set aside is no event, whatever it looks like, and says why and where it came from', () => {
  const value = encoded(anEvent({ type: 'session.started', session_id: 's' }))
  const quarantine = { reason: 'wrong_key', source: 'audit.events/3/17' }
  const document = documentOf({
    log: 'l',
    position: 7,
    leafHash: Buffer.alloc(32),
    value,
    quarantine,
  })
  assert.equal(document.type, 'quarantined')
  assert.equal(document.sessionId, null)
  assert.equal(
    document.remark,
    'no event of ours: its key is not that of its session or producer (audit.events/3/17)',
  )
  assert.deepEqual(document.remarks, ['wrong_key', 'audit.events/3/17'])
})

test('a change of the code at a target says in a sentence what happened to which, and is found by it', () => {
  const documentOfChange = (content: Buffer | null, previous: Buffer | null): IndexDocument => {
    const digest = Buffer.alloc(32, 1)
    const change = { what: targetCode, digest, previous, content, event_types: [] }
    return documentFor(encoded(anEvent({ type: 'config.changed', change })))
  }
  const before = Buffer.alloc(32, 2)
  const changes: TargetCodeChange['changes'] = [
    { kind: 'function', name: 'public.lower(text)', how: ['added', 'removed'] },
    { kind: 'trigger', name: 't on public.orders', how: ['changed'] },
  ]
  const document = documentOfChange(
    encodeTargetCodeChange({ objects: 4, changes, more: 3 }),
    before,
  )
  const words =
    'the code at the target changed: function public.lower(text) added and removed, trigger t on public.orders changed and 3 more'
  assert.equal(document.remark, words)
  assert.ok(document.remarks.includes(words))
  const first = encodeTargetCodeChange({ objects: 4, changes: [], more: 0 })
  assert.equal(
    documentOfChange(first, null).remark,
    'the code at the target as first seen: 4 objects',
  )
  for (const content of [null, Buffer.from('{'), Buffer.from('{"objects":1}'), Buffer.from([255])])
    assert.equal(documentOfChange(content, before).remark, 'the code at the target changed')
  const change = {
    what: 'configuration',
    digest: before,
    previous: null,
    content: null,
    event_types: [],
  }
  assert.equal(documentFor(encoded(anEvent({ type: 'config.changed', change }))).remark, null)
})

test('a gap says in a sentence what is missing', () => {
  const remark = (gap: AuditEvent['gap']): string | null =>
    documentFor(encoded(anEvent({ type: 'gap.detected', gap }))).remark
  const gap = { producer: 'edge-1', from_seq: 4, to_seq: 5, reason: 'chain_broken', records: null }
  assert.match(remark(gap) ?? '', /^numbers 4 to 5 of edge-1: the later one names another event/)
  const records = {
    topic: 'audit.events',
    partition: 3,
    from_offset: 7,
    to_offset: 7,
    count: 1,
    log: 'l',
    position: 9,
  }
  assert.equal(
    remark({ producer: 'audit.events/3', from_seq: 7, to_seq: 7, reason: 'truncated', records }),
    'offset 7 of audit.events/3: it ends before its last field does',
  )
})

test('a statement that is not UTF-8 is text with replacements, and says so', () => {
  const statement = Buffer.concat([Buffer.from("SELECT '"), Buffer.from([0xff]), Buffer.from("'")])
  const { request } = documentFor(encoded(anEvent({ request: aRequest(statement) })))
  assert.equal(request?.text, "SELECT '\uFFFD'")
  assert.equal(request.hasReplacements, true)
  const plain = documentFor(encoded(anEvent({ request: aRequest("SELECT '\uFFFD'") })))
  assert.equal(plain.request?.hasReplacements, false)
})

test('a relation is known by its name with and without what it belongs to', () => {
  const request = aRequest('SELECT', { reads: ['shop.public.salaries', 'a.'], writes: ['orders'] })
  const document = documentFor(encoded(anEvent({ request })))
  assert.deepEqual(relationNames(document), [
    'shop.public.salaries',
    'public.salaries',
    'salaries',
    'a.',
    'orders',
  ])
})

test('a statement of several operations is of each kind', () => {
  const request = aRequest('SELECT', { operation: 'select, insert' })
  const document = documentFor(encoded(anEvent({ type: 'request.received', request })))
  assert.deepEqual(kinds(document), ['request.received', 'select, insert', 'select', 'insert'])
})

test('why somebody was not let in stands beside the event', () => {
  const auth = { method: 'scram', credential_id: null, reason: 'password_wrong' }
  const { remark } = documentFor(encoded(anEvent({ type: 'auth.failed', auth })))
  assert.equal(remark, 'password_wrong')
})
