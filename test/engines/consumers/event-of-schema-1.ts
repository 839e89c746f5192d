import avro from 'avsc'

import { schemas } from '../../../schemas/codec.ts'
import { anEvent } from '../../support/an-event.ts'

const schemaId = 1

/** An event as the first release wrote it: such ones lie on topics for as long as they are kept. */
export function eventOfSchema1(producer: string): Buffer {
  const type = avro.Type.forSchema(schemas.get(schemaId) as avro.Schema, { wrapUnions: 'never' })
  const event = anEvent({ schema_version: schemaId, producer })
  const frame = Buffer.from([0, 0, 0, 0, schemaId])
  return Buffer.concat([frame, type.toBuffer({ ...event, type: 'edge_heartbeat' })])
}
