import { after, test } from 'node:test'
import { busContract } from '../contracts/bus.ts'
import { kafkaFixture } from './kafka-bus-fixture.ts'
import { startKafka } from './kafka.ts'

for (const version of ['4.3.1', '3.9.1'] as const) {
  const name = `bus on Kafka ${version}`
  let reason = ''
  const skippable = { skip: (message?: string): void => void (reason = message ?? '') }
  const kafka = await startKafka(skippable, { version })
  if (kafka === null) {
    test(name, { skip: reason }, () => undefined)
    continue
  }
  after(() => kafka[Symbol.asyncDispose]())
  busContract(name, kafkaFixture(kafka))
}
