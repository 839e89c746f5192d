import { busContract } from '../contracts/bus.ts'
import { embeddedFixture } from '../services/bus/adapters/embedded/fixture.ts'
import { engineOfFile } from './engine-of-file.ts'
import { kafkaFixture } from './kafka-bus-fixture.ts'
import { startKafka } from './kafka.ts'

busContract('embedded bus', embeddedFixture)

for (const version of ['4.3.1', '3.9.1'] as const) {
  const name = `bus on Kafka ${version}`
  const kafka = await engineOfFile(name, (t) => startKafka(t, { version }))
  if (kafka !== null) busContract(name, kafkaFixture(kafka))
}
