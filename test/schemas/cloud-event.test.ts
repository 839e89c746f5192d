import assert from 'node:assert/strict'
import { test } from 'node:test'

import avro from 'avsc'
import fc from 'fast-check'

import schema from '../../schemas/audit-event.avsc.json' with { type: 'json' }
import { cloudEventHeaders } from '../../schemas/cloud-event.ts'
import { CodecError, decodeEvent, schemaId, schemas } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import { eventTypes } from '../../schemas/event-types.ts'
import { aRequest, anActor, anEvent, encoded } from '../support/an-event.ts'

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.uuid(), fc.string())
const largest = 2 ** 52
const counts = fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 0, max: largest }))
const events: fc.Arbitrary<AuditEvent> = fc
  .record({
    id: text,
    type: fc.constantFrom(...eventTypes, 'unknown' as const),
    occurred_at: fc.oneof(counts, fc.integer({ min: -largest, max: largest })),
    producer: text,
    producer_seq: counts,
    request_id: fc.option(text),
    session_id: fc.option(text),
    withActor: fc.boolean(),
  })
  .map(({ withActor, ...given }) =>
    anEvent({ ...given, actor: withActor ? anActor() : null, request: aRequest() }),
  )

/** The same, said of an event that was decoded in full. */
function headersOf(event: Head): Record<string, string> {
  const { id, type, occurred_at: us, producer, session_id: session } = event
  if (id === '' || producer === '') return {}
  const second = Math.floor(us / 1_000_000)
  const fraction = String(us - second * 1_000_000).padStart(6, '0')
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: encodeURIComponent(producer),
    ce_type: type,
    ce_time: `${new Date(second * 1000).toISOString().replace('.000Z', '')}.${fraction}Z`,
    'content-type': 'application/avro',
  }
  if (session !== null && session !== '') headers['ce_subject'] = session
  return headers
}

type Head = Pick<AuditEvent, 'id' | 'occurred_at' | 'producer' | 'session_id'> & { type: string }

function textOf(headers: Record<string, Buffer>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.toString()]),
  )
}

test('the headers of an event are what the decoded event says', () => {
  fc.assert(
    fc.property(events, (event) => {
      const value = encoded(event)
      assert.deepEqual(textOf(cloudEventHeaders(value)), headersOf(decodeEvent(value)))
    }),
    { numRuns: 500, examples: [[anEvent({ occurred_at: -1 })], [anEvent({ id: '' })]] },
  )
})

test('any bytes give no headers, or those of the head that the general decoder finds in them', () => {
  const end = schema.fields.findIndex(({ name }) => name === 'session_id') + 1
  const headType = avro.Type.forSchema(
    { ...schema, fields: schema.fields.slice(0, end) } as avro.Schema,
    { wrapUnions: 'never' },
  )
  const symbols = new Map(eventTypes.map((type) => [type.replace(/[.-]/g, '_'), type as string]))
  const frame = Buffer.from([0, 0, 0, 0, schemaId])
  const bytes = fc.uint8Array({ maxLength: 120 }).map((body) => Buffer.concat([frame, body]))
  const changed = fc
    .tuple(events, fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 2 }), fc.nat(260))
    .map(([event, changes, cut]) => {
      const value = Buffer.from(encoded(event).subarray(0, cut))
      for (const [at, byte] of changes) value[at] = byte
      return value
    })
  let found = 0
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        changed,
        fc.uint8Array().map((each) => Buffer.from(each)),
      ),
      (value) => {
        const headers = textOf(cloudEventHeaders(value))
        if (Object.keys(headers).length === 0) return
        found += 1
        const head = headType.decode(value, frame.length).value as Head | undefined
        assert.ok(head !== undefined, 'the head is whole')
        assert.deepEqual(headers, headersOf({ ...head, type: symbols.get(head.type) ?? 'unknown' }))
      },
    ),
    { numRuns: 3_000 },
  )
  assert.ok(found > 100)
})

test('each cut of an event gives no headers until its head is whole, whatever lies behind the cut', () => {
  const value = encoded(anEvent({ session_id: 's-1', request_id: 'r-1' }))
  const whole = value.indexOf('s-1') + 3
  for (let size = 0; size < value.length; size += 1) {
    const headers = cloudEventHeaders(value.subarray(0, size))
    assert.equal(Object.keys(headers).length, size < whole ? 0 : 7, `${size} of ${value.length}`)
  }
})

test('a value of another schema, or of another framing, gives no headers', () => {
  const value = encoded(anEvent())
  for (const at of [0, 1, 4]) {
    const other = Buffer.from(value)
    other[at] = 9
    assert.deepEqual(cloudEventHeaders(other), {})
    assert.throws(() => decodeEvent(other), CodecError)
  }
  assert.deepEqual(cloudEventHeaders(Buffer.alloc(0)), {})
})

test('every schema has the same head, with the symbols of the newest or fewer at its end', () => {
  const headOf = (fields: readonly { name: string; type: unknown }[]): unknown => {
    const end = fields.findIndex(({ name }) => name === 'session_id') + 1
    return fields.slice(0, end).map(({ name, type }) => {
      const bare = Object(type) as { type?: unknown; size?: unknown; symbols?: unknown }
      return name === 'type' ? name : [name, bare.type ?? type, bare.size]
    })
  }
  const symbolsOf = (fields: readonly { name: string; type: unknown }[]): string[] =>
    (fields[1]?.type as { symbols: string[] } | undefined)?.symbols ?? []
  const expected = symbolsOf(schema.fields)
  for (const each of schemas.values()) {
    const { fields } = each as typeof schema
    assert.deepEqual(headOf(fields), headOf(schema.fields))
    const symbols = symbolsOf(fields)
    assert.ok(symbols.length > 0)
    assert.deepEqual(symbols, expected.slice(0, symbols.length))
  }
})

test('the schema that the bytes name is found where the registry is known', () => {
  for (const id of schemas.keys()) {
    const value = Buffer.from(encoded(anEvent()))
    value.writeUInt32BE(id, 1)
    const headers = textOf(cloudEventHeaders(value, { registryUrl: 'https://api.example' }))
    assert.equal(headers['ce_dataschema'], `https://api.example/schemas/ids/${id}`)
  }
})
