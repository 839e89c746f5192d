import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  CodecError,
  decodeEvent,
  encodeContext,
  encodeEvent,
  schemaId,
} from '../../schemas/codec.ts'
import { eventTypes } from '../../schemas/event-types.ts'
import type { EventContext, EventHead, EventParts } from '../../schemas/event.ts'

const head: EventHead = {
  id: '01932d5e-7c00-7000-8000-000000000001',
  type: 'request.received',
  schema_version: schemaId,
  occurred_at: 1_795_623_994_938_001,
  producer: 'edge-1',
  producer_seq: 7,
  prev: Buffer.alloc(32, 2),
  request_id: 'r-1',
}

const context: EventContext = {
  session_id: 's-1',
  actor: {
    kind: 'agent',
    subject: 'shop-agent',
    issuer: 'https://issuer.example',
    display: null,
    groups: ['agents'],
    on_behalf_of: [
      { kind: 'human', subject: 'olivia', issuer: 'https://issuer.example', display: 'Olivia' },
    ],
    client: 'psql',
    runtime: { name: 'runner', version: '1.2', model: null },
  },
  target: { name: 'shop', kind: 'postgres', address: '127.0.0.1:5432' },
  source: { address: '127.0.0.1', port: 40_000, tls: 'TLSv1.3' },
  purpose: null,
  data_labels: ['internal'],
  policy_digest: Buffer.alloc(32, 3),
  tenant: 'demo',
  synthetic: false,
}

const parts: Partial<EventParts> = {
  decision: { decision_id: 'd-1', outcome: 'block', rule_ids: ['no-ddl'], reason: 'because' },
}

function encoded(overHead: Partial<EventHead> = {}, overParts = parts): Buffer {
  const buffer = Buffer.alloc(65_536)
  const end = encodeEvent({ ...head, ...overHead }, encodeContext(context), overParts, buffer, 0)
  return buffer.subarray(0, end)
}

/** Structural equality that does not look at the classes avsc makes for records. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

test('an event spliced from head, context and parts is one AuditEvent', () => {
  const event = decodeEvent(encoded())
  assert.deepEqual(plain({ ...event }), plain({ ...event, ...head, ...context, ...parts }))
  assert.equal(event.completion, null)
})

test('every event type keeps its dotted name through the codec', () => {
  for (const type of eventTypes) assert.equal(decodeEvent(encoded({ type })).type, type)
})

test('a buffer that is too small is reported, at every size, and never overrun', () => {
  const whole = encoded()
  const contextBytes = encodeContext(context)
  for (let size = 0; size < whole.length; size += 1) {
    const buffer = Buffer.alloc(size + 8, 0xee)
    const end = encodeEvent(head, contextBytes, parts, buffer.subarray(0, size), 0)
    assert.ok(end < 0, `a buffer of ${size} bytes`)
    assert.ok(buffer.subarray(size).every((byte) => byte === 0xee))
  }
  const exact = Buffer.alloc(whole.length)
  assert.equal(encodeEvent(head, contextBytes, parts, exact, 0), whole.length)
  assert.deepEqual(exact, whole)
})

test('what was cut short or has bytes to spare is refused', () => {
  const whole = encoded()
  for (let size = 0; size < whole.length; size += 1) {
    assert.throws(() => decodeEvent(whole.subarray(0, size)), CodecError)
  }
  assert.throws(() => decodeEvent(Buffer.concat([whole, Buffer.from([0])])), {
    code: 'EVENT_TRAILING_BYTES',
  })
})

test('another schema id is named', () => {
  const bytes = Buffer.from(encoded())
  bytes.writeUInt32BE(77, 1)
  assert.throws(() => decodeEvent(bytes), {
    code: 'EVENT_SCHEMA_UNKNOWN',
    message: /schema id 77/,
  })
})

test('random bytes give an event or a CodecError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, schemaId]), noise])
      try {
        decodeEvent(framed)
      } catch (error) {
        assert.ok(error instanceof CodecError)
      }
    }),
  )
})

test('statement bytes and parameters come back as they were', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.option(fc.uint8Array({ maxLength: 40 }))),
      (statement, values) => {
        const request = {
          operation: 'select',
          mode: 'extended' as const,
          statement: Buffer.from(statement),
          statement_bytes: statement.length,
          statement_sha256: Buffer.alloc(32, 9),
          parameters: values.map((value) => ({
            format: 0,
            value: value === null ? null : Buffer.from(value),
            value_bytes: value === null ? -1 : value.length,
            value_sha256: null,
          })),
          reads: ['public.customers'],
          writes: [],
          functions: [],
          tool_call_id: null,
        }
        const event = decodeEvent(encoded({}, { request }))
        assert.deepEqual(plain(event.request), plain(request))
      },
    ),
  )
})
