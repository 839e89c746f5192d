import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  CodecError,
  checkEvent,
  decodeEvent,
  encodeContext,
  encodeEvent,
} from '../../schemas/codec.ts'
import { outlineEvent } from '../../schemas/event-outline.ts'
import type { EventHead, EventParts } from '../../schemas/event.ts'
import { anActor, anEvent } from '../support/an-event.ts'
import { heads, parts, text } from '../support/arbitrary-events.ts'

const buffer = Buffer.alloc(65_536)

function encodedWith(
  head: EventHead,
  given: Partial<EventParts>,
  sessionId: string | null,
): Buffer {
  const context = encodeContext({ ...anEvent(), actor: anActor(), session_id: sessionId })
  return Buffer.from(buffer.subarray(0, encodeEvent(head, context, given, buffer, 0)))
}

const values = fc
  .tuple(heads, parts, fc.option(text))
  .map(([head, given, sessionId]) => encodedWith(head, given, sessionId))

function outlineOfDecoded(value: Buffer): unknown {
  const event = decodeEvent(value)
  const { decision, completion, session } = event
  return {
    schemaId: value[4],
    id: event.id,
    type: event.type,
    occurredAt: event.occurred_at,
    producer: event.producer,
    producerSeq: event.producer_seq,
    prev: event.prev.toString('latin1'),
    sessionId: event.session_id,
    outcome: decision?.outcome ?? completion?.outcome ?? session?.outcome ?? null,
  }
}

test('the outline of an event says what its decoding says', () => {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(outlineEvent(value), outlineOfDecoded(value))
    }),
    { numRuns: 300 },
  )
})

test('bytes that were changed are refused, or are an event of which both say the same', () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) })
  let refused = 0
  fc.assert(
    fc.property(values, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
      for (const { at, byte } of changes) value[5 + (at % (value.length - 5))] = byte
      try {
        checkEvent(value)
      } catch (error) {
        assert.ok(error instanceof CodecError)
        refused += 1
        return
      }
      // What is let through can be decoded: nobody after the ledger stumbles over it.
      assert.deepEqual(outlineEvent(value), outlineOfDecoded(value))
    }),
    { numRuns: 2000 },
  )
  assert.ok(refused > 100)
})

test('each cut is found as one, and each byte too many', () => {
  fc.assert(
    fc.property(
      values,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 9 }),
      (value, at, more) => {
        const cut = value.subarray(0, 5 + (at % (value.length - 5)))
        assert.throws(() => checkEvent(cut), { code: 'EVENT_TRUNCATED' })
        assert.throws(() => checkEvent(Buffer.concat([value, more])), {
          code: 'EVENT_TRAILING_BYTES',
        })
      },
    ),
  )
})

/** One byte each. */
const absentParts = 14

test('a few bytes that claim an array of 2^40 items are refused without counting them', () => {
  const value = encodedWith({ ...anEvent(), request_id: null }, {}, null)
  // data_labels, the empty array before policy_digest, tenant and synthetic, and all parts absent.
  const labelsAt = value.length - absentParts - 1 - 8 - 1 - 1
  assert.equal(value[labelsAt], 0)
  const claim = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
  const bomb = Buffer.concat([value.subarray(0, labelsAt), claim])
  assert.throws(() => decodeEvent(bomb), { code: 'EVENT_TRUNCATED' })
  const padded = Buffer.concat([bomb, Buffer.alloc(1_000)])
  assert.throws(() => decodeEvent(padded), { code: 'EVENT_TRUNCATED' })
})

test('an enum, a union, a boolean and a number that the schema has no place for are refused', () => {
  const value = encodedWith({ ...anEvent(), id: '' }, {}, null)
  const refused = (change: (bytes: Buffer) => void): void => {
    const bytes = Buffer.from(value)
    change(bytes)
    assert.throws(() => decodeEvent(bytes), { code: 'EVENT_BODY_INVALID' })
  }
  const syntheticAt = value.length - absentParts - 1
  assert.equal(value[syntheticAt], 0)
  refused((bytes) => (bytes[6] = 0x7e))
  refused((bytes) => (bytes[syntheticAt] = 2))
  refused((bytes) => (bytes[syntheticAt + 1] = 4))
  refused((bytes) => bytes.fill(0xff, 8, 20))
})
