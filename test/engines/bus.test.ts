import { busContract } from '../contracts/bus.ts'
import { busHolesContract } from '../contracts/bus-holes.ts'
import { embeddedFixture } from '../services/bus/adapters/embedded/fixture.ts'
import { embeddedHoles } from '../services/bus/adapters/embedded/holes.ts'
import { engineOfFile } from './engine-of-file.ts'
import { kafkaFixture } from './kafka-bus-fixture.ts'
import { kafkaHoles } from './kafka-holes.ts'
import { startKafka } from './kafka.ts'

busContract('embedded bus', embeddedFixture)
busHolesContract('embedded bus', embeddedHoles)

for (const version of ['4.3.1', '3.9.1'] as const) {
  const name = `bus on Kafka ${version}`
  const kafka = await engineOfFile(name, (t) => startKafka(t, { version }))
  if (kafka === null) continue
  busContract(name, kafkaFixture(kafka))
  busHolesContract(name, (t) => kafkaHoles(t, kafka))
}
