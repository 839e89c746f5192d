import { pino } from 'pino'
import type { Bus } from '../../services/bus/bus.ts'
import { openKafkaBus, type KafkaBusOptions } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import { largestRecordBytes } from '../../services/bus/adapters/kafka/topic-settings.ts'
import type { BusFixture } from '../contracts/bus-probe.ts'
import type { KafkaEngine } from './kafka-engine.ts'

const hourMs = 3_600_000

/** A bus on this engine with topics of its own. */
export function kafkaFixture(kafka: KafkaEngine): BusFixture {
  return {
    largestRecordBytes,
    async open(t, topics) {
      const open = (): Promise<Bus> =>
        openKafkaBus({
          ...plainOptions(kafka),
          topics: topics.map((topic) => ({ ...topic, retentionMs: hourMs })),
        })
      let bus = await open()
      t.after(() => bus[Symbol.asyncDispose]())
      return {
        bus,
        async restart() {
          await bus[Symbol.asyncDispose]()
          bus = await open()
          return bus
        },
      }
    },
  }
}

/** Nobody signs in, no topics, made where missing, each record kept once. */
export function plainOptions({ brokers }: KafkaEngine): KafkaBusOptions {
  return {
    brokers,
    clientId: 'affidavit-test',
    tls: null,
    sasl: null,
    topics: [],
    provision: { replication: 1, minInsyncReplicas: 1 },
    logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
  }
}
