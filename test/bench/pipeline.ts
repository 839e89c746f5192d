import { parseArgs } from 'node:util'

import { measureKafkaToSealed } from './pipeline-ledger.ts'

/** What one process takes from Kafka and seals. Needs a Kafka: see `test/engines/kafka.ts`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '120000' },
      rounds: { type: 'string', default: '5' },
    },
  })
  await measureKafkaToSealed(Number(values.events), Number(values.rounds))
}
