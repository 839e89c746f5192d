import { Kafka, logLevel } from 'kafkajs'

import type { KafkaSecurity, KafkaUser } from './kafka-security.ts'

/** Where a client connects; an engine is one. */
export interface KafkaPlace {
  readonly brokers: readonly string[]
  readonly security: KafkaSecurity | null
}

/** A client that gives up soon and says nothing, for tests that arrange or look; not the settings of our adapter. */
export function kafkaClient({ brokers, security }: KafkaPlace, user: KafkaUser = 'admin'): Kafka {
  return new Kafka({
    clientId: 'engine',
    brokers: [...brokers],
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    // Each try goes to the next broker.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: brokers.length },
    logLevel: logLevel.NOTHING,
    ...(security === null
      ? {}
      : {
          ssl: { ca: [security.ca] },
          sasl: {
            mechanism: security.mechanism,
            username: user,
            password: security.passwords[user],
          },
        }),
  })
}

/**
 * Whether so many brokers are in the cluster and a consumer group can be joined: a broker that answers may still say that its group
 * coordinator is loading.
 */
export async function servesGroups(client: Kafka, brokers: number): Promise<boolean> {
  const admin = client.admin()
  try {
    await admin.connect()
    const cluster = await admin.describeCluster()
    if (cluster.brokers.length < brokers) return false
    if (!(await admin.listTopics()).includes(warmUp)) {
      await admin.createTopics({ topics: [{ topic: warmUp, numPartitions: 1 }] })
    }
  } finally {
    await admin.disconnect()
  }
  return joins(client)
}

const warmUp = 'engine-warm-up'

async function joins(client: Kafka): Promise<boolean> {
  const consumer = client.consumer({ groupId: warmUp, sessionTimeout: 6_000 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: warmUp })
    const joined = new Promise<boolean>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, () => {
        resolve(true)
      })
      consumer.on(consumer.events.CRASH, () => {
        resolve(false)
      })
      setTimeout(resolve, 10_000, false).unref()
    })
    await consumer.run({ eachMessage: () => Promise.resolve() })
    return await joined
  } finally {
    await consumer.disconnect()
  }
}
