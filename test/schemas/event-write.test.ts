import assert from 'node:assert/strict'
import { test } from 'node:test'

import avro from 'avsc'
import fc from 'fast-check'

import schema from '../../schemas/audit-event.avsc.json' with { type: 'json' }
import { writeLong, writeString } from '../../schemas/avro-write.ts'
import { encodeContext, encodeEvent } from '../../schemas/codec.ts'
import type { EventHead } from '../../schemas/event.ts'
import { anEvent } from '../support/an-event.ts'
import { heads, integer, largest, parts, text } from '../support/arbitrary-events.ts'

const avscType = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' })
const frameBytes = 5

test('an event is written byte for byte as the general encoder writes it', () => {
  const context = encodeContext(anEvent())
  const buffer = Buffer.alloc(65_536)
  fc.assert(
    fc.property(heads, parts, (head, given) => {
      const end = encodeEvent(head, context, given, buffer, 0)
      assert.ok(end > 0)
      const body = Buffer.from(buffer.subarray(frameBytes, end))
      assert.ok(avscType.toBuffer(avscType.fromBuffer(body)).equals(body))
    }),
    { numRuns: 300 },
  )
})

test('an event that does not fit says how much room is missing, wherever it ends', () => {
  const context = encodeContext(anEvent())
  const whole = Buffer.alloc(65_536)
  fc.assert(
    fc.property(heads, parts, fc.double({ min: 0, max: 1, noNaN: true }), (head, given, part) => {
      const end = encodeEvent(head, context, given, whole, 0)
      const size = Math.floor(part * (end - 1))
      const small = Buffer.alloc(size + 16, 0xee)
      const missing = encodeEvent(head, context, given, small.subarray(0, size), 0)
      assert.ok(missing < 0)
      assert.ok(small.subarray(size).every((byte) => byte === 0xee))
    }),
  )
})

test('whole numbers and strings are what Avro says they are', () => {
  const long = avro.Type.forSchema('long')
  const string = avro.Type.forSchema('string')
  const buffer = Buffer.alloc(1_024)
  fc.assert(
    fc.property(integer, text, (number, value) => {
      const numberEnd = writeLong(buffer, 0, number)
      assert.ok(buffer.subarray(0, numberEnd).equals(long.toBuffer(number)))
      const stringEnd = writeString(buffer, 0, value)
      assert.ok(buffer.subarray(0, stringEnd).equals(string.toBuffer(value)))
    }),
    {
      examples: [
        [-largest, ''],
        [largest, 'ä'],
        [-64, ''],
        [64, ''],
      ],
    },
  )
})

test('a number that is not whole and a digest of another length are refused', () => {
  const head: EventHead = { ...anEvent(), occurred_at: 0.5 }
  const context = encodeContext(anEvent())
  assert.throws(() => encodeEvent(head, context, {}, Buffer.alloc(1_024), 0), RangeError)
  const short: EventHead = { ...anEvent(), prev: Buffer.alloc(31) }
  assert.throws(() => encodeEvent(short, context, {}, Buffer.alloc(1_024), 0), RangeError)
})
