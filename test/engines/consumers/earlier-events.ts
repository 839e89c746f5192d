import avro from 'avsc'

import { schemaId as newest, schemas } from '../../../schemas/codec.ts'
import { anEvent } from '../../support/an-event.ts'

/** An event as each release before this one wrote it: such ones lie on topics for as long as they are kept. */
export function earlierEvents(producer: string): readonly Buffer[] {
  return [...schemas]
    .filter(([schemaId]) => schemaId !== newest)
    .map(([schemaId, schema]) => {
      const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' })
      const event = anEvent({ schema_version: schemaId, producer })
      const frame = Buffer.from([0, 0, 0, 0, schemaId])
      return Buffer.concat([frame, type.toBuffer({ ...event, type: 'edge_heartbeat' })])
    })
}
