import avro from 'avsc'

import { schemaNormalForm } from './schema-normal-form.ts'

/**
 * What a Confluent schema registry answers, for a fixed set of schemas: each subject has all of them, and a schema's id is its
 * version. Nothing can be registered: schemas come with releases.
 */

export const compatibilityLevel = 'FULL_TRANSITIVE'

/** The codes of the Confluent Schema Registry; the first three digits are the HTTP status. */
type RegistryErrorCode = 40401 | 40402 | 40403 | 40408 | 40409 | 42201 | 42202 | 42205

export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode

  constructor(code: RegistryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface RegisteredSchema {
  readonly subject: string
  readonly version: number
  readonly id: number
  /** JSON text. */
  readonly schema: string
}

interface StoredSchema {
  readonly id: number
  readonly text: string
  readonly normalForm: string
  readonly type: avro.Type
}

export class SchemaRegistry {
  readonly #subjects: readonly string[]
  readonly #schemas: readonly StoredSchema[]

  /** `schemas` by id, which counts from 1 without gaps. */
  constructor(subjects: readonly string[], schemas: ReadonlyMap<number, object>) {
    this.#subjects = subjects
    this.#schemas = Array.from(schemas, ([id, schema]) => ({
      id,
      text: JSON.stringify(schema),
      normalForm: schemaNormalForm(schema),
      type: typeOf(schema),
    }))
  }

  subjects(prefix = ''): readonly string[] {
    return this.#subjects.filter((subject) => subject.startsWith(prefix))
  }

  hasSubject(subject: string): boolean {
    return this.#subjects.includes(subject)
  }

  versions(subject: string): readonly number[] {
    return this.#versionsOf(subject).map(({ id }) => id)
  }

  /** `version` is a number from 1, `latest`, or -1, which means the same. */
  version(subject: string, version: string): RegisteredSchema {
    return registered(subject, this.#version(subject, version))
  }

  /** Every version of the subjects that begin so. */
  all(prefix: string, latestOnly: boolean): readonly RegisteredSchema[] {
    const schemas = latestOnly ? this.#schemas.slice(-1) : this.#schemas
    return this.subjects(prefix).flatMap((subject) =>
      schemas.map((schema) => registered(subject, schema)),
    )
  }

  /** The schema's JSON text. */
  textOfId(id: string): string {
    const found = this.#schemas.find((schema) => String(schema.id) === id)
    if (found === undefined) throw new RegistryError(40403, `Schema ${id} not found`)
    return found.text
  }

  /** The subjects and versions under which an id stands. */
  usesOfId(id: string): readonly { readonly subject: string; readonly version: number }[] {
    this.textOfId(id)
    return this.#subjects.map((subject) => ({ subject, version: Number(id) }))
  }

  /** The version that this schema is. */
  find(subject: string, text: string): RegisteredSchema {
    const versions = this.#versionsOf(subject)
    const normalForm = schemaNormalForm(parse(text).schema)
    const found = versions.find((each) => each.normalForm === normalForm)
    if (found === undefined) throw new RegistryError(40403, 'Schema not found')
    return registered(subject, found)
  }

  /** What would break if this schema came beside `version`, or beside all of them: empty when nothing would. */
  incompatibilities(subject: string, version: string | null, text: string): readonly string[] {
    const versions =
      version === null ? this.#versionsOf(subject) : [this.#version(subject, version)]
    const { type } = parse(text)
    return versions.flatMap(({ id, type: known }) => [
      ...unreadable(known, type, `the new schema cannot read version ${id}`),
      ...unreadable(type, known, `version ${id} cannot read the new schema`),
    ])
  }

  #versionsOf(subject: string): readonly StoredSchema[] {
    if (!this.hasSubject(subject)) throw new RegistryError(40401, `Subject '${subject}' not found.`)
    return this.#schemas
  }

  #version(subject: string, version: string): StoredSchema {
    const versions = this.#versionsOf(subject)
    const isLatest = version === 'latest' || version === '-1'
    if (!isLatest && !/^[1-9][0-9]{0,9}$/.test(version)) {
      throw new RegistryError(
        42202,
        `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
      )
    }
    const found = isLatest ? versions.at(-1) : versions.find(({ id }) => id === Number(version))
    if (found === undefined) throw new RegistryError(40402, `Version ${version} not found.`)
    return found
  }
}

function registered(subject: string, { id, text }: StoredSchema): RegisteredSchema {
  return { subject, version: id, id, schema: text }
}

/** Throws 42201 for text that is not an Avro schema. */
function parse(text: string): { schema: unknown; type: avro.Type } {
  try {
    const schema: unknown = JSON.parse(text)
    return { schema, type: typeOf(schema) }
  } catch (cause) {
    throw new RegistryError(42201, `Invalid schema: ${(cause as Error).message}`, { cause })
  }
}

function typeOf(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' })
}

function unreadable(writer: avro.Type, reader: avro.Type, what: string): string[] {
  try {
    reader.createResolver(writer)
    return []
  } catch (error) {
    return [`${what}: ${(error as Error).message}`]
  }
}
