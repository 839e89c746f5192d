import avro from 'avsc'

import schema from './audit-event.avsc.json' with { type: 'json' }
import { eventTypes } from './event.ts'
import type { AuditEvent, EventContext, EventHead, EventParts, EventType } from './event.ts'

/**
 * The only map between events, their schema and their bytes.
 *
 * Wire form: Confluent framing V0, that is 0x00, the schema id as a 4-byte big-endian integer, the Avro body. The bytes that were
 * sent are what is hashed, chained and sealed; nothing ever re-encodes an event.
 */

/** The id of the current schema, which is also its version in `released/` and the `schema_version` of events. */
export const schemaId = 1

export const contentType = 'application/avro'

const frameBytes = 5

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

const noParts: { [name in keyof EventParts]: null } = {
  session: null,
  auth: null,
  credential: null,
  request: null,
  decision: null,
  completion: null,
  response: null,
  edge: null,
  seal: null,
  gap: null,
  change: null,
  report: null,
  evidence: null,
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
  const room = buffer.length - position
  if (room < frameBytes) return room - frameBytes
  buffer[position] = 0
  buffer.writeUInt32BE(schemaId, position + 1)
  const contextAt = headType.encode(head, buffer, position + frameBytes)
  if (contextAt < 0) return contextAt
  const partsAt = contextAt + context.length
  if (partsAt > buffer.length) return buffer.length - partsAt
  context.copy(buffer, contextAt)
  return partsType.encode({ ...noParts, ...parts }, buffer, partsAt)
}

export type CodecErrorCode = 'EVENT_FRAME_INVALID' | 'EVENT_SCHEMA_UNKNOWN' | 'EVENT_BODY_INVALID'

export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly code: CodecErrorCode

  constructor(code: CodecErrorCode, message: string, errorOptions?: ErrorOptions) {
    super(message, errorOptions)
    this.code = code
  }
}

/** The event in these bytes, all of them. Throws `CodecError` for bytes that are not an event of a schema we know. */
export function decodeEvent(value: Buffer): AuditEvent {
  if (value.length < frameBytes || value[0] !== 0) {
    throw new CodecError(
      'EVENT_FRAME_INVALID',
      'no schema id: the value does not begin with 0x00 and 4 bytes',
    )
  }
  const id = value.readUInt32BE(1)
  if (id !== schemaId) {
    throw new CodecError(
      'EVENT_SCHEMA_UNKNOWN',
      `schema id ${id} is not one of ours (1 to ${schemaId})`,
    )
  }
  try {
    return eventType.fromBuffer(value.subarray(frameBytes)) as AuditEvent
  } catch (cause) {
    throw new CodecError('EVENT_BODY_INVALID', 'the value is not an audit event', { cause })
  }
}
