import type { FastifyInstance } from 'fastify'

import { schemaId, schemas } from '../../../schemas/codec.ts'
import { topics } from '../../bus/topics.ts'
import { Problem } from '../problem.ts'

const subjects = [`${topics.auditEvents}-value`, `${topics.ledgerSealed}-value`]
const texts: ReadonlyMap<number, string> = new Map(
  [...schemas].map(([id, schema]) => [id, JSON.stringify(schema)]),
)

/** The read half of the Confluent Schema Registry API, so that any consumer of its framing decodes our topics. */
export function registryRoutes(app: FastifyInstance): void {
  app.get('/subjects', { schema: { summary: 'Subjects of the schema registry' } }, () => subjects)

  app.get<{ Params: { subject: string } }>(
    '/subjects/:subject/versions',
    { schema: { summary: 'Versions of a subject' } },
    (request) => {
      known(request.params.subject)
      return [...texts.keys()]
    },
  )

  app.get<{ Params: { subject: string; version: string } }>(
    '/subjects/:subject/versions/:version',
    { schema: { summary: 'A version of a subject' } },
    (request) => {
      const { subject, version } = request.params
      known(subject)
      const id = version === 'latest' ? schemaId : Number(version)
      const text = texts.get(id)
      if (text === undefined) {
        throw new Problem('not-found', `${subject} has no version ${version}`)
      }
      return { subject, version: id, id, schema: text }
    },
  )

  app.get<{ Params: { id: string } }>(
    '/schemas/ids/:id',
    { schema: { summary: 'The schema of an id' } },
    (request) => {
      const text = texts.get(Number(request.params.id))
      if (text === undefined) {
        throw new Problem('not-found', `no schema has the id ${request.params.id}`)
      }
      return { schemaType: 'AVRO', schema: text }
    },
  )
}

function known(subject: string): void {
  if (!subjects.includes(subject)) throw new Problem('not-found', `no subject is called ${subject}`)
}
