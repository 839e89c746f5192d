import type { StartedTestContainer } from 'testcontainers'

import { freePorts } from '../support/free-ports.ts'
import { noProcess, startContainer } from './docker.ts'
import { kafkaClient, servesGroups } from './kafka-client.ts'
import type { KafkaEngine } from './kafka-engine.ts'

/** One plain broker at an address: given, or in a container. It cannot be killed from here. */
export class KafkaAtAddress implements KafkaEngine {
  readonly brokers: readonly string[]
  readonly security = null
  readonly #container: StartedTestContainer | null

  constructor(brokers: readonly string[], container: StartedTestContainer | null) {
    this.brokers = brokers
    this.#container = container
  }

  kill(): Promise<void> {
    return noProcess('this Kafka')
  }

  start(): Promise<void> {
    return noProcess('this Kafka')
  }

  freeze(): void {
    noProcess('this Kafka')
  }

  thaw(): void {
    noProcess('this Kafka')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container?.stop()
  }
}

/** One broker of the official image. Null where Docker cannot bring it. */
export async function startKafkaContainer(version: string): Promise<KafkaEngine | null> {
  // Known before the start, since the broker tells its clients where it is.
  const port = await freePorts(1)
  const container = await startContainer(`apache/kafka:${version}`, (container) =>
    container.withExposedPorts({ container: 9092, host: port }).withEnvironment(environment(port)),
  )
  if (container === null) return null
  const engine = new KafkaAtAddress([`${container.getHost()}:${port}`], container)
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const serves = await servesGroups(kafkaClient(engine), 1).catch(() => false)
    if (serves) return engine
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  await engine[Symbol.asyncDispose]()
  throw new Error(`Kafka ${version} in a container does not serve`)
}

function environment(port: number): Record<string, string> {
  return {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: 'CLIENT://0.0.0.0:9092,CONTROLLER://localhost:9093',
    KAFKA_ADVERTISED_LISTENERS: `CLIENT://127.0.0.1:${port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'CLIENT',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_HEAP_OPTS: '-Xmx256m',
  }
}
