import { AvroCursor, AvroFault, invalid } from './avro-cursor.ts'

/**
 * Says whether bytes are one whole value of an Avro schema (Avro 1.12, "Binary Encoding"), without building it. What comes from
 * the bus goes through here before anything else looks at it: avsc believes the counts it reads, so that an array of a few bytes
 * can claim 2^40 items and keep a reader busy until its memory is full.
 *
 * Stricter than avsc: numbers end where their type ends, a boolean is 0 or 1, an enum has a symbol of the schema. Numbers beyond
 * 2^53 are refused, as there. Whether strings are UTF-8 is not asked.
 */

/** A schema of records, arrays, enums, fixed and primitive types, and unions of null and one more: what ours are made of. */
export type CheckedSchema = string | readonly CheckedSchema[] | NamedSchema

/** A record as JSON has it. */
export interface CheckedRecord {
  readonly type: string
  readonly name: string
  readonly fields: readonly { readonly name: string; readonly type: CheckedSchema }[]
}

interface NamedSchema {
  readonly type: CheckedSchema
  readonly name?: string
  readonly fields?: CheckedRecord['fields']
  readonly items?: CheckedSchema
  readonly symbols?: readonly string[]
  readonly size?: number
}

/**
 * Throws `AvroFault` unless the bytes from `at` to the end are the record's fields. `starts[i]` becomes the place where field i
 * begins; it is one array, written anew by each call.
 */
export interface RecordCheck {
  readonly starts: Uint32Array
  check(bytes: Buffer, at: number): void
}

export function recordCheck(schema: CheckedRecord): RecordCheck {
  const named = new Map<string, Check>()
  const fields = schema.fields.map(({ type }) => checkOf(type, named))
  const starts = new Uint32Array(fields.length)
  const cursor = new AvroCursor()
  return {
    starts,
    check(bytes, at) {
      cursor.bytes = bytes
      cursor.at = at
      for (let index = 0; index < fields.length; index += 1) {
        starts[index] = cursor.at
        fields[index]?.(cursor)
      }
      if (cursor.at < bytes.length) {
        throw new AvroFault('trailing', `${bytes.length - cursor.at} bytes follow the last field`)
      }
    },
  }
}

type Check = (cursor: AvroCursor) => void

function checkOf(schema: CheckedSchema, named: Map<string, Check>): Check {
  if (typeof schema === 'string') return named.get(schema) ?? primitive(schema)
  if (isUnion(schema)) return optional(schema, named)
  const { type } = schema
  const check = typeof type === 'string' ? complexOf(type, schema, named) : checkOf(type, named)
  if (schema.name !== undefined) named.set(schema.name, check)
  return check
}

function complexOf(type: string, schema: NamedSchema, named: Map<string, Check>): Check {
  switch (type) {
    case 'record':
      return recordOf((schema.fields ?? []).map((field) => checkOf(field.type, named)))
    case 'array':
      return arrayOf(checkOf(schema.items ?? 'null', named))
    case 'enum': {
      const symbols = schema.symbols?.length ?? 0
      return (cursor) => {
        const index = cursor.long()
        if (index < 0 || index >= symbols) throw invalid('an enum has no such symbol')
      }
    }
    case 'fixed': {
      const size = schema.size ?? 0
      return (cursor) => {
        cursor.skip(size)
      }
    }
    default:
      return named.get(type) ?? primitive(type)
  }
}

function recordOf(fields: readonly Check[]): Check {
  return (cursor) => {
    for (const field of fields) field(cursor)
  }
}

/** Blocks of a count and that many items, until a count of 0; a negative count is followed by the block's size in bytes. */
function arrayOf(item: Check): Check {
  return (cursor) => {
    for (;;) {
      let count = cursor.long()
      if (count === 0) return
      let end = -1
      if (count < 0) {
        count = -count
        const size = cursor.long()
        end = cursor.at + size
      }
      // Each item has a byte at least, so a count that lies ends at the end of the bytes.
      for (; count > 0; count -= 1) {
        const before = cursor.at
        item(cursor)
        if (cursor.at === before) throw invalid('an item of an array is empty')
      }
      if (end !== -1 && end !== cursor.at) throw invalid('a block has another size than it says')
    }
  }
}

function optional(union: readonly CheckedSchema[], named: Map<string, Check>): Check {
  const [first, second] = union
  if (first !== 'null' || second === undefined || union.length !== 2) {
    throw new TypeError('a union of our schemas is null and one more')
  }
  const check = checkOf(second, named)
  return (cursor) => {
    const branch = cursor.long()
    if (branch === 1) check(cursor)
    else if (branch !== 0) throw invalid('a union has no such branch')
  }
}

function primitive(type: string): Check {
  const check = primitives[type]
  if (check === undefined) throw new TypeError(`${type} is not a type that is checked`)
  return check
}

const sized: Check = (cursor) => {
  cursor.skip(cursor.long())
}

const primitives: Readonly<Record<string, Check | undefined>> = {
  null: () => undefined,
  boolean: (cursor) => {
    const byte = cursor.bytes[cursor.at] ?? 0
    cursor.skip(1)
    if (byte > 1) throw invalid('a boolean is neither 0 nor 1')
  },
  int: (cursor) => {
    const value = cursor.long()
    if (value !== (value | 0)) throw invalid('an int has more than 32 bits')
  },
  long: (cursor) => {
    cursor.long()
  },
  bytes: sized,
  string: sized,
}

function isUnion(schema: CheckedSchema): schema is readonly CheckedSchema[] {
  return Array.isArray(schema)
}
