import assert from 'node:assert/strict'
import { test } from 'node:test'

import avro from 'avsc'
import fc from 'fast-check'

import schema from '../../schemas/audit-event.avsc.json' with { type: 'json' }
import { writeLong, writeString } from '../../schemas/avro-write.ts'
import { encodeContext, encodeEvent } from '../../schemas/codec.ts'
import { eventTypes } from '../../schemas/event.ts'
import type { EventHead, EventParts } from '../../schemas/event.ts'
import { anEvent } from '../support/an-event.ts'

const avscType = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' })
const frameBytes = 5

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.string({ maxLength: 150 }))
const optionalText = fc.option(text)
// Beyond, avsc is not exact.
const largest = 2 ** 52
const count = fc.maxSafeNat().filter((each) => each <= largest)
const integer = fc.oneof(
  fc.maxSafeInteger().filter((each) => Math.abs(each) <= largest),
  fc.integer({ min: -200, max: 200 }),
)
const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each))
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((each) => Buffer.from(each))
const texts = fc.array(text, { maxLength: 3 })

const heads: fc.Arbitrary<EventHead> = fc.record({
  id: text,
  type: fc.constantFrom(...eventTypes, 'unknown' as const),
  schema_version: fc.constant(1),
  occurred_at: count,
  producer: text,
  producer_seq: count,
  prev: digest,
  request_id: optionalText,
})

const parts: fc.Arbitrary<Partial<EventParts>> = fc.record(
  {
    session: fc.record({
      protocol: text,
      database: optionalText,
      role: optionalText,
      application: optionalText,
      outcome: fc.constantFrom(null, 'closed' as const),
      requests: count,
      bytes_in: count,
      bytes_out: count,
      duration_us: fc.option(count),
    }),
    request: fc.record({
      operation: text,
      mode: fc.constantFrom('simple' as const, 'extended' as const),
      statement: bytes,
      statement_bytes: count,
      statement_sha256: digest,
      parameters: fc.array(
        fc.record({
          format: fc.nat(1),
          value: fc.option(bytes),
          value_bytes: integer,
          value_sha256: fc.option(digest),
        }),
        { maxLength: 3 },
      ),
      reads: texts,
      writes: texts,
      functions: texts,
      tool_call_id: optionalText,
    }),
    decision: fc.record({
      decision_id: text,
      outcome: fc.constantFrom('unknown', 'allow', 'block', 'hold', 'mask'),
      rule_ids: texts,
      reason: optionalText,
    }),
    completion: fc.record({
      outcome: fc.constantFrom('unknown', 'ok', 'error', 'cancelled', 'refused'),
      command_tag: optionalText,
      rows: count,
      bytes_in: count,
      bytes_out: count,
      error_code: optionalText,
      error_message: optionalText,
      duration_us: integer,
      response_sha256: fc.option(digest),
      masked: fc.array(fc.record({ data_class: text, count }), { maxLength: 2 }),
    }),
    response: fc.record({
      chunk: fc.nat(1000),
      encoding: fc.constantFrom('postgres' as const, 'copy' as const),
      content: bytes,
      truncated: fc.boolean(),
    }),
    gap: fc.record({
      producer: text,
      from_seq: count,
      to_seq: count,
      reason: text,
      records: fc.option(
        fc.record({
          topic: text,
          partition: fc.nat(1000),
          from_offset: count,
          to_offset: count,
          count,
          log: text,
          position: count,
        }),
      ),
    }),
    edge: fc.record({
      version: text,
      state: fc.constantFrom('running' as const, 'stopping' as const),
      reason: optionalText,
      event_types: texts,
      sessions: count,
      spool_events: count,
      spool_bytes: count,
      refused: count,
      unrecorded: count,
      durability: optionalText,
      clock_offset_us: fc.option(integer),
      role: optionalText,
    }),
  },
  { requiredKeys: [] },
)

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
