import assert from 'node:assert/strict'
import { test } from 'node:test'

import { topics } from '../../../services/bus/topics.ts'
import { kafkaClient } from '../../engines/kafka-client.ts'
import { startKafka } from '../../engines/kafka.ts'
import type { KafkaEngine } from '../../engines/kafka.ts'
import { survives } from './run.ts'

const kills = Number(process.env['FAULT_LEADER_KILLS'] ?? 1)

test(`of three brokers the leader is killed ${kills} times: the others go on, nothing lost, nothing twice`, async (t) => {
  await using kafka = await startKafka(t, { brokers: 3, ownProcess: true })
  if (kafka === null) return
  await survives(t, { kafka, search: null }, async (pipeline) => {
    for (let kill = 0; kill < kills; kill += 1) {
      const leader = await leaderOfFirst(kafka)
      await kafka.kill(leader)
      // With the two that are left.
      await pipeline.flows()
      await kafka.start(leader)
      await pipeline.flows()
    }
  })
})

/** The broker, counted from 0, that leads the first partition. */
async function leaderOfFirst(kafka: KafkaEngine): Promise<number> {
  const admin = kafkaClient(kafka).admin()
  await admin.connect()
  try {
    const { topics: known } = await admin.fetchTopicMetadata({ topics: [topics.auditEvents] })
    const leader = known[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader
    assert.ok(leader !== undefined && leader > 0, 'the first partition has a leader')
    return leader - 1
  } finally {
    await admin.disconnect()
  }
}
