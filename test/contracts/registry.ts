import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'

import { schemas } from '../../schemas/codec.ts'
import { anEvent, encoded } from '../support/an-event.ts'
import type { Skippable } from '../support/engine.ts'

/** A registry that holds `schemas`, in order, under each of `subjects`, at FULL_TRANSITIVE. */
export interface RegistryUnderTest {
  /** Without a slash at its end. */
  readonly url: string
  readonly subjects: readonly [string, string]
  /** The id of each of `schemas`. */
  readonly ids: readonly number[]
}

const texts = Array.from(schemas.values(), (schema) => JSON.stringify(schema))
const newest = texts.length

/**
 * What clients of a Confluent schema registry rely on, asked of ours and of one that we did not write. `open` is asked before each
 * test; null skips it.
 */
export function registryContract(
  name: string,
  open: (t: Skippable) => Promise<RegistryUnderTest | null>,
): void {
  const behaves = (what: string, check: (asked: Asked) => Promise<void>): void => {
    test(what, async (t) => {
      const registry = await open(t)
      if (registry !== null) await check(new Asked(registry))
    })
  }

  suite(`the schema registry contract: ${name}`, () => {
    behaves(
      'a client decodes what we encoded, by the id in the bytes',
      async ({ registry, client }) => {
        const event = anEvent({ session_id: 's-1' })
        const value = Buffer.from(encoded(event))
        // As a producer frames it whose registry gave the schema this id.
        value.writeUInt32BE(registry.ids.at(-1) ?? 0, 1)
        const decoded = (await client.decode(value)) as { id: string; session_id: string }
        assert.equal(decoded.id, event.id)
        assert.equal(decoded.session_id, event.session_id)
      },
    )

    behaves('a client finds ids by subject, version and schema', async ({ registry, client }) => {
      const { subjects, ids } = registry
      for (const subject of subjects) {
        assert.equal(await client.getLatestSchemaId(subject), ids.at(-1))
        for (const [at, id] of ids.entries()) {
          assert.equal(await client.getRegistryId(subject, at + 1), id)
          const schema = { type: SchemaType.AVRO as const, schema: texts[at] ?? '' }
          assert.equal(await client.getRegistryIdBySchema(subject, schema), id)
        }
      }
    })

    behaves(
      'a client that registers what is registered gets its id',
      async ({ registry, client }) => {
        const { subjects, ids } = registry
        const [subject] = subjects
        const { id } = await client.register(
          { type: SchemaType.AVRO, schema: texts.at(-1) ?? '' },
          { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE },
        )
        assert.equal(id, ids.at(-1))
      },
    )

    behaves('subjects, versions and schemas', async ({ registry, ask }) => {
      const { subjects, ids } = registry
      assert.deepEqual(new Set((await ask('/subjects')).body as string[]), new Set(subjects))
      for (const subject of subjects) {
        const path = `/subjects/${subject}/versions`
        const versions = ids.map((_, at) => at + 1)
        assert.deepEqual((await ask(path)).body, versions)
        for (const version of versions) {
          const answer = (await ask(`${path}/${version}`)).body as Version
          assert.equal(answer.subject, subject)
          assert.equal(answer.version, version)
          assert.equal(answer.id, ids[version - 1])
          assert.ok(isVersion(answer.schema, version))
          const { body } = await ask(`${path}/${version}/schema`)
          assert.ok(isVersion(JSON.stringify(body), version))
        }
        const latest = (await ask(`${path}/latest`)).body as Version
        assert.equal(latest.version, newest)
      }
    })

    behaves('what stands behind an id', async ({ registry, ask }) => {
      const { subjects, ids } = registry
      for (const [at, id] of ids.entries()) {
        const path = `/schemas/ids/${id}`
        assert.ok(isVersion(((await ask(path)).body as Version).schema, at + 1))
        assert.ok(isVersion(JSON.stringify((await ask(`${path}/schema`)).body), at + 1))
        assert.deepEqual(
          new Set((await ask(`${path}/subjects`)).body as string[]),
          new Set(subjects),
        )
        const uses = (await ask(`${path}/versions`)).body as Version[]
        assert.deepEqual(
          new Set(uses.map(({ subject, version }) => `${subject} ${version}`)),
          new Set(subjects.map((subject) => `${subject} ${at + 1}`)),
        )
      }
      assert.ok(((await ask('/schemas/types')).body as string[]).includes('AVRO'))
    })

    behaves(
      'the level of compatibility, and whether a schema keeps it',
      async ({ registry, ask }) => {
        const [subject] = registry.subjects
        const level = (await ask(`/config/${subject}`)).body as { compatibilityLevel: string }
        assert.equal(level.compatibilityLevel, 'FULL_TRANSITIVE')
        const current = JSON.parse(texts.at(-1) ?? '') as { fields: object[] }
        const added = (field: object): object => ({
          schema: JSON.stringify({ ...current, fields: [...current.fields, field] }),
        })
        const fits = added({ name: 'later', type: ['null', 'string'], default: null })
        const breaks = added({ name: 'later', type: 'string' })
        for (const version of ['/latest', '/1', '']) {
          const path = `/compatibility/subjects/${subject}/versions${version}`
          const verdict = async (body: object): Promise<unknown> =>
            ((await ask(path, body)).body as { is_compatible: boolean }).is_compatible
          assert.equal(await verdict(fits), true, path)
          assert.equal(await verdict(breaks), false, path)
        }
      },
    )

    behaves('a mode is told', async ({ ask }) => {
      const { status, body } = await ask('/mode')
      assert.equal(status, 200)
      assert.equal(typeof (body as { mode: string }).mode, 'string')
    })

    behaves('a schema is found by its text', async ({ registry, ask }) => {
      const { subjects, ids } = registry
      for (const subject of subjects) {
        for (const [at, schema] of texts.entries()) {
          const found = (await ask(`/subjects/${subject}`, { schema })).body as Version
          assert.equal(found.version, at + 1)
          assert.equal(found.id, ids[at])
          assert.equal(found.subject, subject)
        }
      }
    })

    behaves(
      'what is not there is refused with the codes of the registry',
      async ({ registry, refused }) => {
        const [subject] = registry.subjects
        await refused(40401, '/subjects/none-value/versions')
        await refused(40401, '/subjects/none-value/versions/latest')
        await refused(40402, `/subjects/${subject}/versions/999`)
        await refused(40403, '/schemas/ids/999999')
        await refused(40401, '/subjects/none-value', { schema: texts[0] })
        await refused(40403, `/subjects/${subject}`, { schema: '"string"' })
        await refused(42201, `/compatibility/subjects/${subject}/versions/latest`, {
          schema: '{"type":"nonsense"}',
        })
      },
    )
  })
}

/** A registry, and ways to ask it. */
class Asked {
  readonly registry: RegistryUnderTest
  readonly client: SchemaRegistry

  constructor(registry: RegistryUnderTest) {
    this.registry = registry
    this.client = new SchemaRegistry({ host: registry.url, retry: { retries: 0 } })
  }

  readonly ask = async (path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${this.registry.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: `${mediaType}, application/json`,
        ...(body === undefined ? {} : { 'content-type': mediaType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }

  readonly refused = async (code: number, path: string, body?: object): Promise<void> => {
    const answer = await this.ask(path, body)
    const { error_code: found, message } = answer.body as { error_code: number; message: string }
    assert.equal(found, code, `${path}: ${message}`)
    assert.equal(answer.status, Math.floor(code / 100))
    assert.equal(typeof message, 'string')
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Version {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schema: string
}

const mediaType = 'application/vnd.schemaregistry.v1+json'

/** Whether this text is our schema of a version; registries may write its attributes in another order. */
function isVersion(text: string, version: number): boolean {
  return isDeepStrictEqual(JSON.parse(text), JSON.parse(texts[version - 1] ?? ''))
}
