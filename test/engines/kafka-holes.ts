import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import type kafkajs from 'kafkajs'
import type { BusWithHoles } from '../contracts/bus-holes.ts'
import { kafkaFixture } from './kafka-bus-fixture.ts'
import { kafkaClient } from './kafka-client.ts'
import type { KafkaEngine } from './kafka-engine.ts'

export async function kafkaHoles(t: TestContext, kafka: KafkaEngine): Promise<BusWithHoles> {
  const topic = `holes.${randomUUID()}`
  const { bus, restart } = await kafkaFixture(kafka).open(t, [{ name: topic, partitions: 1 }])
  return {
    bus,
    topic,
    deleteAll: () =>
      withAdmin(kafka, async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] })
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] })
      }),
    withCommitted: async (group, offset) => {
      await withAdmin(kafka, (admin) =>
        admin.setOffsets({
          groupId: group,
          topic,
          partitions: [{ partition: 0, offset: String(offset) }],
        }),
      )
      return restart()
    },
  }
}

async function withAdmin(
  kafka: KafkaEngine,
  work: (admin: kafkajs.Admin) => Promise<unknown>,
): Promise<void> {
  const admin = kafkaClient(kafka).admin()
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.disconnect()
  }
}
