import { randomBytes } from 'node:crypto'

import { pino } from 'pino'

import { openKafkaBus } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../../services/bus/bus.ts'
import { startKafka } from '../engines/kafka.ts'
import { findKafkaTools } from '../engines/kafka-tools.ts'
import type { KafkaTools } from '../engines/kafka-tools.ts'

const topic = 'bench.events'
const partitions = 6
const recordBytes = 300
const records = 200_000
const rounds = 5
/** So many sessions at once, each with one send in flight, of so many events. */
const sessions = 200
const eventsPerSend = 10

/**
 * Edge → Kafka: our producer beside Java's, one broker, the same topic, size and acks, rounds alternating. Both are acknowledged by
 * all replicas in sync; Java's is not idempotent here, as ours never is.
 */
export async function measureEdgeToKafka(): Promise<void> {
  const required = {
    skip(message?: string): void {
      throw new Error(message)
    },
  }
  await using kafka = await startKafka(required)
  const tools = await findKafkaTools(required)
  if (kafka === null || tools === null) return
  await using bus = await openKafkaBus({
    brokers: kafka.brokers,
    clientId: 'bench',
    tls: null,
    sasl: null,
    topics: [{ name: topic, partitions, retentionMs: 3_600_000 }],
    provision: { replication: 1, minInsyncReplicas: 1 },
    logger: pino({ level: 'silent' }),
  })
  console.log(
    `edge → Kafka, ${records} events of ${recordBytes} bytes a round, ${partitions} partitions, acks=all, ${sessions} sessions`,
  )
  const ours: number[] = []
  const java: number[] = []
  const cpuMicros: number[] = []
  // The first round of each warms up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    const own = await sendOurs(bus)
    const other = await sendInJava(tools, kafka.brokers)
    if (round === 0) continue
    ours.push(own.perSecond)
    cpuMicros.push(own.cpuMicros)
    java.push(other)
    console.log(`  round ${round}: ours ${format(own.perSecond)}, Java's ${format(other)} events/s`)
  }
  const ratio = median(ours) / median(java)
  console.log(
    `  median: ours ${format(median(ours))} events/s (${median(cpuMicros).toFixed(1)} µs of CPU an event), Java's ${format(median(java))}; ratio ${ratio.toFixed(2)}`,
  )
}

async function sendOurs(bus: Bus): Promise<{ perSecond: number; cpuMicros: number }> {
  const batch = Array.from({ length: eventsPerSend }, () => ({
    value: randomBytes(recordBytes),
    headers: {},
  }))
  let left = records
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  const session = async (number: number): Promise<void> => {
    const key = Buffer.from(`session-${number}`)
    while (left > 0) {
      left -= eventsPerSend
      await bus.producer.send(topic, key, batch)
    }
  }
  await Promise.all(Array.from({ length: sessions }, (_, number) => session(number)))
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: records / ((performance.now() - startedAt) / 1_000),
    cpuMicros: (user + system) / records,
  }
}

async function sendInJava(tools: KafkaTools, brokers: readonly string[]): Promise<number> {
  const options = {
    '--topic': topic,
    '--num-records': String(records),
    '--record-size': String(recordBytes),
    '--throughput': '-1',
    '--bootstrap-server': brokers.join(','),
  }
  const settings = ['--command-property', 'acks=all', 'enable.idempotence=false']
  const said = await tools.run(
    'org.apache.kafka.tools.ProducerPerformance',
    ...Object.entries(options).flat(),
    ...settings,
  )
  const rate = /^\d+ records sent, ([\d.]+) records\/sec.*99th/m.exec(said)?.[1]
  if (rate === undefined) throw new Error(`Java's producer said no rate: ${said}`)
  return Number(rate)
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function format(perSecond: number): string {
  return `${(perSecond / 1_000).toFixed(1)} k`
}
