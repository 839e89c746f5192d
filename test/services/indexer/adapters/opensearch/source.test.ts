import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import {
  BulkBody,
  jsonText,
} from '../../../../../services/indexer/adapters/opensearch/bulk-body.ts'
import { KnownContextMembers } from '../../../../../services/indexer/adapters/opensearch/context-members.ts'
import {
  documentIn,
  sourceOf,
  timed,
} from '../../../../../services/indexer/adapters/opensearch/source.ts'
import type { Source } from '../../../../../services/indexer/adapters/opensearch/source.ts'
import { documentOf } from '../../../../../services/indexer/documents.ts'
import type { IndexDocument } from '../../../../../services/indexer/documents.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aSession,
  anActor,
  anEvent,
  encoded,
} from '../../../../support/an-event.ts'

function documentFor(event: Parameters<typeof anEvent>[0], position = 7): IndexDocument {
  const value = encoded(anEvent(event))
  return documentOf({ log: 'ledger.example/0', position, leafHash: Buffer.alloc(32, 1), value })
}

const target = { name: 'shop-db', kind: 'postgres', address: '127.0.0.1:5432' }

test('a document comes back out of its source', () => {
  const some = [
    documentFor({
      type: 'session.started',
      session_id: 's',
      actor: anActor(),
      session: aSession(),
    }),
    documentFor({ type: 'edge.heartbeat' }),
    documentFor({
      type: 'request.received',
      session_id: 's "quoted" \u2028',
      request_id: 'r',
      actor: anActor({ subject: 'Zoë' }),
      target,
      request: aRequest("SELECT 'ü', 1", { reads: ['public.orders'] }),
      decision: aDecision({ rule_ids: ['a', 'b'] }),
    }),
    documentFor({
      type: 'request.completed',
      session_id: 's',
      request_id: 'r',
      actor: anActor(),
      completion: aCompletion({ error_message: 'no' }),
    }),
    documentOf({
      log: 'l',
      position: 0,
      leafHash: Buffer.alloc(32),
      value: Buffer.from('no event'),
    }),
  ]
  for (const document of some) {
    const occurredUs = document.occurredAtUs ?? 1_000
    const text = jsonText(sourceOf(timed(document, occurredUs), null, { role: 'entry' }))
    const source = JSON.parse(text) as Source
    assert.equal(source['role'], 'entry')
    assert.deepEqual(documentIn(source), {
      document: JSON.parse(JSON.stringify(document)) as unknown,
      occurredUs,
    })
  }
})

test('what a bulk request holds is the line that its parts make', () => {
  const texts = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())
  const lines = fc.array(fc.record({ action: texts, own: texts, shared: texts }), { minLength: 1 })
  fc.assert(
    fc.property(lines, (lines) => {
      const body = new BulkBody(1 << 20)
      const expected = lines.map(({ action, own, shared }) => {
        const first = JSON.stringify({ action })
        const json = {
          own: JSON.stringify({ own }),
          shared: Buffer.from(JSON.stringify({ shared }).slice(1, -1)),
        }
        assert.ok(body.add(first, json))
        assert.deepEqual(JSON.parse(jsonText(json)), { own, shared })
        return `${first}\n${jsonText(json)}\n`
      })
      assert.equal(body.bytes.toString(), expected.join(''))
    }),
  )
})

test('one that does not fit leaves nothing behind', () => {
  const body = new BulkBody(20)
  assert.ok(body.add('{"a":1}', '{"b":2}'))
  assert.ok(!body.add('{"a":1}', { own: '{"b":2}', shared: Buffer.from('"c":3') }))
  assert.equal(body.bytes.toString(), '{"a":1}\n{"b":2}\n')
})

test('a session has one context for as long as its events agree', () => {
  const contexts = new KnownContextMembers()
  const given = { session_id: 's', actor: anActor(), target }
  const one = contexts.of(documentFor(given))
  assert.equal(contexts.of(documentFor({ ...given, type: 'session.ended' }, 8)), one)
  const other = contexts.of(documentFor({ ...given, actor: anActor({ subject: 'mallory' }) }))
  assert.equal(other.sessionKey, one.sessionKey)
  assert.match(other.all.toString(), /mallory/)
  assert.deepEqual(contexts.of(documentFor(given)), one)
  const elsewhere = contexts.of(documentFor({ ...given, producer: 'edge-2' }))
  assert.notEqual(elsewhere.sessionKey, one.sessionKey)
})
