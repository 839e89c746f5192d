import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import avro from 'avsc'

import { decodeEvent, schemaId, schemas } from '../../schemas/codec.ts'
import { aCompletion, anEvent } from '../support/an-event.ts'

/**
 * FULL_TRANSITIVE: each schema ever released reads what every other one writes. A release adds a file to schemas/released and
 * never changes one; the rules stand in schemas/README.md.
 */

const directory = new URL('../../schemas/', import.meta.url)

function read(path: string): avro.schema.RecordType {
  return JSON.parse(readFileSync(new URL(path, directory), 'utf8')) as avro.schema.RecordType
}

const current = read('audit-event.avsc.json')
const released = readdirSync(new URL('released/', directory))
  .filter((name) => name.startsWith('audit-event.'))
  .map((name) => ({ name, schema: read(`released/${name}`) }))

function resolves(writer: avro.Schema, reader: avro.Schema): void {
  const readerType = avro.Type.forSchema(reader, { wrapUnions: 'never' })
  readerType.createResolver(avro.Type.forSchema(writer, { wrapUnions: 'never' }))
}

test('the current schema is the newest released one, or is not released yet', () => {
  assert.ok(released.length > 0)
  const newest = released.find(({ name }) => name === `audit-event.${schemaId}.avsc.json`)
  if (newest !== undefined) assert.deepEqual(current, newest.schema)
})

test('every released schema can be decoded, and no other', () => {
  const ids = released.map(({ name }) => Number(name.split('.')[1]))
  assert.deepEqual(
    [...schemas.keys()],
    ids.toSorted((one, other) => one - other),
  )
  for (const { name, schema } of released) {
    assert.deepEqual(schemas.get(Number(name.split('.')[1])), schema)
  }
})

test('an event of schema 1 is read, with nothing in what came later', () => {
  const first = released.find(({ name }) => name === 'audit-event.1.avsc.json')
  const type = avro.Type.forSchema(first!.schema, { wrapUnions: 'never' })
  const written = anEvent({
    type: 'edge.started',
    schema_version: 1,
    gap: { producer: 'edge-1', from_seq: 1, to_seq: 2, reason: 'missing', records: null },
    edge: {
      version: '1',
      state: 'running',
      reason: null,
      event_types: ['edge.started'],
      sessions: 0,
      spool_events: 0,
      spool_bytes: 0,
      refused: 0,
      unrecorded: 0,
      durability: null,
      clock_offset_us: 7,
      role: 'edge',
    },
  })
  const body = type.toBuffer({ ...written, type: 'edge_started' })
  const event = decodeEvent(Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body]))
  assert.equal(event.type, 'edge.started')
  assert.equal(event.edge?.clock_offset_us, 7)
  assert.equal(event.edge.role, null)
  assert.equal(event.gap?.records, null)
  const cut = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body.subarray(0, -1)])
  assert.throws(() => decodeEvent(cut), { code: 'EVENT_TRUNCATED' })
})

test('an event of schema 3 names no key of its tokens', () => {
  const type = avro.Type.forSchema(schemas.get(3) as avro.Schema, { wrapUnions: 'never' })
  const masked = [{ data_class: 'email', count: 2 }]
  const written = anEvent({ schema_version: 3, completion: aCompletion({ masked }) })
  const body = type.toBuffer({ ...written, type: 'request_completed' })
  const { completion } = decodeEvent(Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), body]))
  assert.deepEqual(
    completion?.masked.map((each) => ({ ...each })),
    masked,
  )
  assert.equal(completion.token_key_id, null)
})

for (const { name, schema } of released) {
  test(`the current schema and ${name} read each other`, () => {
    resolves(schema, current)
    resolves(current, schema)
  })
}

test('a change that breaks a reader is found', () => {
  const broken = structuredClone(current)
  broken.fields.push({ name: 'added', type: 'string' })
  assert.throws(() => resolves(current, broken))
  const renamed = structuredClone(current)
  renamed.fields[0]!.name = 'event_id'
  assert.throws(() => resolves(current, renamed))
})

test('each field that may be missing has a default, and each enum a default symbol', () => {
  const problems: string[] = []
  const visit = (type: unknown, path: string): void => {
    if (Array.isArray(type)) {
      if (type[0] !== 'null' || type.length !== 2)
        problems.push(`${path}: a union is null and one more`)
      for (const branch of type) visit(branch, path)
      return
    }
    if (typeof type !== 'object' || type === null) return
    const node = type as {
      type: unknown
      name?: string
      default?: unknown
      items?: unknown
      fields?: { name: string; type: unknown; default?: unknown }[]
    }
    if (node.type === 'enum' && node.default === undefined)
      problems.push(`${path}: no default symbol`)
    if (node.type === 'map') problems.push(`${path}: a map has no canonical bytes`)
    if (node.type === 'array') visit(node.items, path)
    for (const field of node.fields ?? []) {
      if (Array.isArray(field.type) && !('default' in field))
        problems.push(`${path}.${field.name}: no default`)
      visit(field.type, `${path}.${field.name}`)
    }
  }
  visit(current, 'AuditEvent')
  assert.deepEqual(problems, [])
})
