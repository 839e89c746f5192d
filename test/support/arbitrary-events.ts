import fc from 'fast-check'

import { eventTypes } from '../../schemas/event-types.ts'
import type { EventHead, EventParts } from '../../schemas/event.ts'

/** Events as nobody would make them: every text, number and combination of parts that the schema has room for. */

export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 150 }),
  fc.string({ maxLength: 150 }),
)
const optionalText = fc.option(text)
// Beyond, avsc is not exact.
export const largest = 2 ** 52
const count = fc.maxSafeNat().filter((each) => each <= largest)
export const integer = fc.oneof(
  fc.maxSafeInteger().filter((each) => Math.abs(each) <= largest),
  fc.integer({ min: -200, max: 200 }),
)
const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each))
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((each) => Buffer.from(each))
const texts = fc.array(text, { maxLength: 3 })

export const heads: fc.Arbitrary<EventHead> = fc.record({
  id: text,
  type: fc.constantFrom(...eventTypes, 'unknown' as const),
  schema_version: fc.constant(2),
  occurred_at: count,
  producer: text,
  producer_seq: count,
  prev: digest,
  request_id: optionalText,
})

export const parts: fc.Arbitrary<Partial<EventParts>> = fc.record(
  {
    session: fc.record({
      protocol: text,
      database: optionalText,
      role: optionalText,
      application: optionalText,
      outcome: fc.constantFrom(null, 'closed' as const, 'revoked' as const),
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
      token_key_id: optionalText,
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
