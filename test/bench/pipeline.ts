import { parseArgs } from 'node:util'

import { measureEdgeToKafka } from './pipeline-kafka.ts'
import { measureKafkaToSealed } from './pipeline-ledger.ts'
import { measureSealedToIndex } from './pipeline-search.ts'

/** The way of an event over Kafka, a stretch at a time. Needs a Kafka and an OpenSearch: see `test/engines`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '120000' },
      records: { type: 'string', default: '72000' },
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', default: 'edge,ledger,search' },
    },
  })
  const parts = values.only.split(',')
  if (parts.includes('edge')) await measureEdgeToKafka()
  if (parts.includes('ledger')) {
    await measureKafkaToSealed(Number(values.events), Number(values.rounds))
  }
  if (parts.includes('search')) await measureSealedToIndex(Number(values.records))
}
