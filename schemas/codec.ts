import avro from 'avsc'

import schema from './audit-event.avsc.json' with { type: 'json' }
import schema1 from './released/audit-event.1.avsc.json' with { type: 'json' }
import schema2 from './released/audit-event.2.avsc.json' with { type: 'json' }
import schema3 from './released/audit-event.3.avsc.json' with { type: 'json' }
import { recordCheck } from './avro-check.ts'
import type { CheckedRecord, RecordCheck } from './avro-check.ts'
import { AvroFault } from './avro-cursor.ts'
import { writeAbsent, writePresent, writeRaw } from './avro-write.ts'
import {
  writeCompletion,
  writeDecision,
  writeHead,
  writeRequest,
  writeResponse,
} from './event-write.ts'
import { eventTypes } from './event-types.ts'
import type { AuditEvent, EventContext, EventHead, EventParts } from './event.ts'
import type { EventType } from './event-types.ts'
import { KnownContexts } from './known-contexts.ts'

/**
 * The only map between events, their schema and their bytes.
 *
 * Wire form: Confluent framing V0, that is 0x00, the schema id as a 4-byte big-endian integer, the Avro body. The bytes that were
 * sent are what is hashed, chained and sealed; nothing ever re-encodes an event.
 */

/** The id of the current schema, which is also its version in `released/` and the `schema_version` of events. */
export const schemaId = 4

/** Every schema that events on our topics may be written with, by its id. */
export const schemas: ReadonlyMap<number, CheckedRecord> = new Map<number, CheckedRecord>([
  [1, schema1],
  [2, schema2],
  [3, schema3],
  [schemaId, schema],
])

export const contentType = 'application/avro'

const frameBytes = 5

const checks: ReadonlyMap<number, RecordCheck> = new Map(
  [...schemas].map(([id, each]) => [id, recordCheck(each)]),
)

type SymbolOfType = ReadonlyMap<string, string>

// Avro names take neither dots nor hyphens.
const symbolOf: SymbolOfType = new Map(eventTypes.map((type) => [type, type.replace(/[.-]/g, '_')]))
const typeOf: ReadonlyMap<string, EventType> = new Map(
  eventTypes.map((type) => [type.replace(/[.-]/g, '_'), type]),
)

/** Shows the enum of the schema as the dotted names of `EventType`. */
class EventTypeName extends avro.types.LogicalType {
  protected override _fromValue(symbol: string): EventType {
    return typeOf.get(symbol) ?? 'unknown'
  }
  protected override _toValue(type: EventType): string {
    return symbolOf.get(type) ?? 'unknown'
  }
  protected override _resolve(writer: avro.Type): ((value: string) => EventType) | undefined {
    return avro.Type.isType(writer, 'enum') ? (symbol) => this._fromValue(symbol) : undefined
  }
}

const registry: Record<string, avro.Type> = {}
const options = {
  registry,
  wrapUnions: 'never' as const,
  logicalTypes: { 'event-type': EventTypeName },
}

const fields = schema.fields.map((field) =>
  field.name === 'type'
    ? { ...field, type: { ...(field.type as object), logicalType: 'event-type' } }
    : field,
)
const contextStart = fields.findIndex((field) => field.name === 'session_id')
const partsStart = fields.findIndex((field) => field.name === 'session')

function recordOf(name: string, from: number, to: number): avro.Type {
  const slice = { ...schema, name, fields: fields.slice(from, to) }
  return avro.Type.forSchema(slice as avro.Schema, options)
}

// A record is encoded as its fields one after the other, so these three in a row are one AuditEvent.
const headType = recordOf('EventHead', 0, contextStart)
const contextType = recordOf('EventContext', contextStart, partsStart)
const partsType = recordOf('EventParts', partsStart, fields.length)
const eventType = avro.Type.forSchema(
  {
    ...schema,
    fields: fields.map((field) => ({ ...field, type: fieldType(field.name) })),
  } as avro.Schema,
  options,
)

function fieldType(name: string): avro.Type {
  for (const part of [headType, contextType, partsType]) {
    const field = (part as avro.types.RecordType).fields.find((each) => each.name === name)
    if (field !== undefined) return field.type
  }
  throw new Error(`the schema has no field ${name}`)
}

/** How events of older schemas become those of the current one. */
const resolvers: ReadonlyMap<number, avro.Resolver> = new Map(
  [...schemas]
    .filter(([id]) => id !== schemaId)
    .map(([id, older]) => {
      const writer = avro.Type.forSchema(older as avro.Schema, { wrapUnions: 'never' })
      return [id, eventType.createResolver(writer)]
    }),
)

const rareTypes: { readonly [name in RarePart]: avro.Type } = {
  session: fieldType('session'),
  auth: fieldType('auth'),
  credential: fieldType('credential'),
  edge: fieldType('edge'),
  seal: fieldType('seal'),
  gap: fieldType('gap'),
  change: fieldType('change'),
  report: fieldType('report'),
  evidence: fieldType('evidence'),
  approval: fieldType('approval'),
}

export function encodeContext(context: EventContext): Buffer {
  return contextType.toBuffer(context)
}

/** What `encodeContext` encoded. */
export function decodeContext(bytes: Buffer): EventContext {
  return contextType.fromBuffer(bytes) as EventContext
}

/**
 * Writes the wire form of an event into `buffer` at `position` and returns the position after it, or a negative number, which
 * says how many bytes were missing, when there is not enough room: then nothing that counts was written.
 */
export function encodeEvent(
  head: EventHead,
  context: Buffer,
  parts: Partial<EventParts>,
  buffer: Buffer,
  position: number,
): number {
  let at = position + frameBytes
  if (at > buffer.length) return buffer.length - at
  buffer[position] = 0
  buffer.writeUInt32BE(schemaId, position + 1)
  at = writeHead(head, buffer, at)
  at = writeRaw(buffer, at, context)
  at = writePart('session', parts.session, buffer, at)
  at = writePart('auth', parts.auth, buffer, at)
  at = writePart('credential', parts.credential, buffer, at)
  const { request = null, decision = null, completion = null, response = null } = parts
  at =
    request === null
      ? writeAbsent(buffer, at)
      : writeRequest(request, buffer, writePresent(buffer, at))
  at =
    decision === null
      ? writeAbsent(buffer, at)
      : writeDecision(decision, buffer, writePresent(buffer, at))
  at =
    completion === null
      ? writeAbsent(buffer, at)
      : writeCompletion(completion, buffer, writePresent(buffer, at))
  at =
    response === null
      ? writeAbsent(buffer, at)
      : writeResponse(response, buffer, writePresent(buffer, at))
  at = writePart('edge', parts.edge, buffer, at)
  at = writePart('seal', parts.seal, buffer, at)
  at = writePart('gap', parts.gap, buffer, at)
  at = writePart('change', parts.change, buffer, at)
  at = writePart('report', parts.report, buffer, at)
  at = writePart('evidence', parts.evidence, buffer, at)
  at = writePart('approval', parts.approval, buffer, at)
  return at <= buffer.length ? at : buffer.length - at
}

type RarePart = Exclude<keyof EventParts, 'request' | 'decision' | 'completion' | 'response'>

function writePart<N extends RarePart>(
  name: N,
  part: EventParts[N] | undefined,
  buffer: Buffer,
  at: number,
): number {
  if (part === null || part === undefined) return writeAbsent(buffer, at)
  // From here on avsc says by a negative number how much room is missing.
  if (at >= buffer.length) return at + 1
  const end = rareTypes[name].encode(part, buffer, at)
  return end < 0 ? buffer.length - end : end
}

export type CodecErrorCode =
  /** No 0x00 and schema id at the beginning. */
  | 'EVENT_FRAME_INVALID'
  /** The schema id is none of ours. */
  | 'EVENT_SCHEMA_UNKNOWN'
  | 'EVENT_TRUNCATED'
  | 'EVENT_TRAILING_BYTES'
  /** Something in the body that the schema has no place for. */
  | 'EVENT_BODY_INVALID'

export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly code: CodecErrorCode

  constructor(code: CodecErrorCode, message: string, errorOptions?: ErrorOptions) {
    super(message, errorOptions)
    this.code = code
  }
}

/** An event that was looked through, and is whole. */
export interface CheckedEvent {
  /** The id of the schema it is written with. */
  readonly schemaId: number
  /** Where each field of that schema's envelope begins; valid until the next event is checked. */
  readonly starts: Uint32Array
}

/** Throws `CodecError` unless these bytes, all of them, are an event of a schema we know. Builds nothing. */
export function checkEvent(value: Buffer): CheckedEvent {
  if (value.length < frameBytes || value[0] !== 0) {
    throw new CodecError(
      'EVENT_FRAME_INVALID',
      'no schema id: the value does not begin with 0x00 and 4 bytes',
    )
  }
  const id = value.readUInt32BE(1)
  const record = checks.get(id)
  if (record === undefined) {
    throw new CodecError(
      'EVENT_SCHEMA_UNKNOWN',
      `schema id ${id} is not one of ours (1 to ${schemaId})`,
    )
  }
  try {
    record.check(value, frameBytes)
  } catch (cause) {
    if (!(cause instanceof AvroFault)) throw cause
    throw new CodecError(codeOfFault[cause.kind], `not an audit event: ${cause.message}`, { cause })
  }
  return { schemaId: id, starts: record.starts }
}

const codeOfFault = {
  truncated: 'EVENT_TRUNCATED',
  trailing: 'EVENT_TRAILING_BYTES',
  invalid: 'EVENT_BODY_INVALID',
} as const satisfies Readonly<Record<AvroFault['kind'], CodecErrorCode>>

/** The event in these bytes, all of them. Throws `CodecError` for bytes that are not an event of a schema we know. */
export function decodeEvent(value: Buffer): AuditEvent {
  const { schemaId: id, starts } = checkEvent(value)
  try {
    if (id !== schemaId) {
      return eventType.fromBuffer(value.subarray(frameBytes), resolvers.get(id)) as AuditEvent
    }
    const contextAt = starts[contextStart] ?? 0
    const partsAt = starts[partsStart] ?? 0
    const head = valueAt(headType, value, frameBytes) as EventHead
    const parts = valueAt(partsType, value, partsAt) as EventParts
    // Assigned to one of them: a third object would cost as much as decoding the head.
    return Object.assign(head, contexts.of(value, contextAt, partsAt), parts)
  } catch (cause) {
    throw new CodecError('EVENT_BODY_INVALID', 'the value is not an audit event', { cause })
  }
}

function valueAt(type: avro.Type, bytes: Buffer, at: number): unknown {
  const { value } = type.decode(bytes, at) as { value: unknown }
  if (value === undefined) throw new TypeError('the bytes end too early')
  return value
}

/** Those of the sessions that events were decoded of last. */
const contexts = new KnownContexts(decodeContext, 256)
