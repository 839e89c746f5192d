import type { FastifyError, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'

import { schemas } from '../../../schemas/codec.ts'
import { topics } from '../../bus/topics.ts'
import { compatibilityLevel, RegistryError, SchemaRegistry } from '../schema-registry.ts'

interface Parameters {
  readonly Params: { readonly subject: string; readonly version: string; readonly id: string }
  readonly Querystring: Readonly<Record<string, string | undefined>>
}

const contentType = 'application/vnd.schemaregistry.v1+json'
const ourSubjects = [`${topics.auditEvents}-value`, `${topics.ledgerSealed}-value`]
const largestBody = 262_144

export interface RegistryRoutesOptions {
  /** Default: our schemas under the values of our topics. */
  readonly registry?: SchemaRegistry
}

/**
 * The read half of the Confluent Schema Registry API, so that any consumer of its framing decodes our topics. What would change
 * something is refused with 42205, but for what a client sends to find out: a schema that is registered already gets its id.
 */
export const registryRoutes: FastifyPluginCallback<RegistryRoutesOptions> = (
  app,
  { registry = new SchemaRegistry(ourSubjects, schemas) },
  done,
) => {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    [contentType, 'application/vnd.schemaregistry+json', 'application/json'],
    { parseAs: 'string', bodyLimit: largestBody },
    app.getDefaultJsonParser('error', 'error'),
  )
  app.setErrorHandler(answerError)

  // An answer that is a text is JSON already.
  type Answer = (request: FastifyRequest<Parameters>) => string | object
  const route = (method: 'GET' | 'POST', url: string, summary: string, answer: Answer): void => {
    app.route<Parameters>({
      method,
      url,
      schema: { summary, tags: ['schema registry'] },
      config: { changesNothing: true },
      handler: (request, reply) => {
        const found = answer(request)
        return reply
          .type(contentType)
          .send(typeof found === 'string' ? found : JSON.stringify(found))
      },
    })
  }

  route('GET', '/subjects', 'Subjects of the schema registry', ({ query }) =>
    registry.subjects(query['subjectPrefix']),
  )
  route('GET', '/subjects/:subject/versions', 'Versions of a subject', ({ params }) =>
    registry.versions(params.subject),
  )
  route('GET', '/subjects/:subject/versions/:version', 'A version of a subject', ({ params }) =>
    registry.version(params.subject, params.version),
  )
  route(
    'GET',
    '/subjects/:subject/versions/:version/schema',
    'The schema of a version, by itself',
    ({ params }) => registry.version(params.subject, params.version).schema,
  )
  route('GET', '/schemas', 'Every schema', ({ query }) =>
    registry.all(query['subjectPrefix'] ?? '', query['latestOnly'] === 'true'),
  )
  route('GET', '/schemas/types', 'The types of schemas', () => ['AVRO'])
  route('GET', '/schemas/ids/:id', 'The schema of an id', ({ params }) => ({
    schema: registry.textOfId(params.id),
  }))
  route('GET', '/schemas/ids/:id/schema', 'The schema of an id, by itself', ({ params }) =>
    registry.textOfId(params.id),
  )
  route('GET', '/schemas/ids/:id/subjects', 'The subjects of an id', ({ params }) =>
    registry.usesOfId(params.id).map(({ subject }) => subject),
  )
  route('GET', '/schemas/ids/:id/versions', 'The subjects and versions of an id', ({ params }) =>
    registry.usesOfId(params.id),
  )
  route('GET', '/config', 'The compatibility that holds', () => ({ compatibilityLevel }))
  route('GET', '/config/:subject', 'The compatibility of a subject', ({ params, query }) => {
    settingOf(registry, params.subject, query, 40408, 'compatibility')
    return { compatibilityLevel }
  })
  route('GET', '/mode', 'The mode: read only', () => ({ mode: 'READONLY' }))
  route('GET', '/mode/:subject', 'The mode of a subject', ({ params, query }) => {
    settingOf(registry, params.subject, query, 40409, 'mode')
    return { mode: 'READONLY' }
  })

  route('POST', '/subjects/:subject', 'Which version a schema is', ({ params, body }) =>
    registry.find(params.subject, schemaIn(body)),
  )
  route('POST', '/subjects/:subject/versions', 'The id of a registered schema', (request) => {
    try {
      return { id: registry.find(request.params.subject, schemaIn(request.body)).id }
    } catch (error) {
      if (error instanceof RegistryError && (error.code === 40401 || error.code === 40403))
        throw readOnly()
      throw error
    }
  })
  for (const one of ['/:version', '']) {
    route(
      'POST',
      `/compatibility/subjects/:subject/versions${one}`,
      `Whether a schema fits ${one === '' ? 'every version' : 'a version'}`,
      ({ params, query, body }) => {
        const version = one === '' ? null : params.version
        const messages = registry.incompatibilities(params.subject, version, schemaIn(body))
        return {
          is_compatible: messages.length === 0,
          ...(query['verbose'] === 'true' ? { messages } : {}),
        }
      },
    )
  }

  for (const url of ['/subjects/*', '/config', '/config/*', '/mode', '/mode/*']) {
    app.route({
      method: ['PUT', 'DELETE'],
      url,
      schema: { hide: true },
      config: { changesNothing: true },
      handler: () => {
        throw readOnly()
      },
    })
  }
  done()
}

function readOnly(): RegistryError {
  return new RegistryError(
    42205,
    'This registry is in read-only mode: its schemas come with releases of Affidavit',
  )
}

/** Settings stand at our subjects; others have them only where the client asks for the general one. */
function settingOf(
  registry: SchemaRegistry,
  subject: string,
  query: Readonly<Record<string, string | undefined>>,
  code: 40408 | 40409,
  what: string,
): void {
  if (registry.hasSubject(subject) || query['defaultToGlobal'] === 'true') return
  throw new RegistryError(
    code,
    `Subject '${subject}' does not have subject-level ${what} configured`,
  )
}

/** The schema's text in a body `{schema, schemaType}`. */
function schemaIn(body: unknown): string {
  const { schema, schemaType = 'AVRO' } = Object(body) as { schema?: unknown; schemaType?: unknown }
  if (typeof schema !== 'string') throw new RegistryError(42201, 'Empty schema')
  if (schemaType !== 'AVRO')
    throw new RegistryError(42201, 'Invalid schema type: schemas here are AVRO')
  return schema
}

function answerError(
  error: FastifyError | RegistryError,
  _request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const code = error instanceof RegistryError ? error.code : error.statusCode
  // What is not about schemas is answered, and logged, as in the whole api.
  if (code === undefined || (code >= 500 && code <= 599)) throw error
  return reply
    .code(code > 999 ? Math.floor(code / 100) : code)
    .type(contentType)
    .send(JSON.stringify({ error_code: code, message: error.message }))
}
