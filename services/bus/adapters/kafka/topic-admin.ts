import kafkajs, { type Admin } from 'kafkajs'
import type { Logger } from 'pino'
import { BusError } from '../../bus.ts'
import { pauseUnlessAborted } from '../../../runtime/pause.ts'
import { bounded } from './bounded.ts'
import { briefRetry, createClient, type KafkaAddress, type KafkaClient } from './client.ts'
import { finalFault, isOfType, reasonOf, type Attempt } from './fault.ts'
import { GroupDenied, saysGroupDenied } from './group-denied.ts'

export interface TopicShape {
  readonly partitions: number
  /** The least number of replicas that a partition has. */
  readonly replicas: number
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly settings: Readonly<Record<string, string>>
}

const firstPauseMs = 100
const longestPauseMs = 1_000
const closeMs = 5_000

/**
 * What is asked of the cluster itself. A question that may be answered later is asked again until `patienceMs` have passed,
 * then it fails with `BUS_UNAVAILABLE`; what no patience mends fails at once.
 */
export class TopicAdmin {
  readonly #address: KafkaAddress
  readonly #client: KafkaClient
  readonly #admin: Admin
  readonly #patienceMs: number
  readonly #closing = new AbortController()
  #groupsDenied = 0

  constructor(address: KafkaAddress, logger: Logger, patienceMs: number) {
    this.#address = address
    this.#client = createClient(address, logger, briefRetry, (entry) => {
      if (saysGroupDenied(entry)) this.#groupsDenied += 1
    })
    this.#admin = this.#client.kafka.admin({ retry: briefRetry })
    this.#patienceMs = patienceMs
  }

  async connect(): Promise<void> {
    await this.#ask({ action: 'use', what: 'Kafka' }, async () => {
      await this.#admin.connect()
      // Connecting asks nothing that needs a sign-in.
      await this.#admin.describeCluster()
    })
  }

  /** Null where there is no such topic. */
  async shapeOf(topic: string): Promise<TopicShape | null> {
    return this.#ask({ action: 'describe', what: `topic ${topic}` }, async () => {
      try {
        const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
        const found = topics.find(({ name }) => name === topic)
        if (found === undefined) return null
        return {
          partitions: found.partitions.length,
          replicas: Math.min(...found.partitions.map(({ replicas }) => replicas.length)),
        }
      } catch (error) {
        if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION')) return null
        throw error
      }
    })
  }

  /** Each partition's oldest offset and next one. */
  async watermarks(topic: string): Promise<ReadonlyMap<number, { low: bigint; high: bigint }>> {
    const offsets = await this.#ask({ action: 'describe', what: `topic ${topic}` }, () =>
      this.#admin.fetchTopicOffsets(topic),
    )
    return new Map(
      offsets.map(({ partition, low, high }) => [
        partition,
        { low: BigInt(low), high: BigInt(high) },
      ]),
    )
  }

  /** Null where the group has committed nothing. */
  async committed(group: string, topic: string, partition: number): Promise<bigint | null> {
    const found = await this.#ask({ action: 'read', what: `group ${group}` }, async () => {
      const before = this.#groupsDenied
      try {
        return await this.#admin.fetchOffsets({ groupId: group, topics: [topic] })
      } catch (cause) {
        throw this.#groupsDenied > before ? new GroupDenied(group, { cause }) : cause
      }
    })
    const offsets = found.flatMap(({ partitions }) => partitions)
    const offset = BigInt(offsets.find((one) => one.partition === partition)?.offset ?? -1)
    if (offset === -1n) return null
    if (offset >= 0n) return offset
    // The client commits -2 when it gives an offset up; beginning anywhere else would skip what lies between.
    throw new BusError(
      'BUS_OFFSET_OUT_OF_RANGE',
      `group ${group} has ${offset} as its offset of ${topic}[${partition}], which is none: another program gave it up; set it with kafka-consumer-groups --reset-offsets`,
    )
  }

  /** Every setting of the topic by name, as text. */
  async settingsOf(topic: string): Promise<ReadonlyMap<string, string>> {
    const { resources } = await this.#ask(
      { action: 'describe the settings (DESCRIBE_CONFIGS) of', what: `topic ${topic}` },
      () =>
        this.#admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
        }),
    )
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  }

  /** One that another made meanwhile is as good. */
  async create({ name, partitions, replication, settings }: NewTopic): Promise<void> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await this.#ask({ action: 'create', what: `topic ${name}` }, async () => {
      try {
        await this.#admin.createTopics({
          topics: [
            {
              topic: name,
              numPartitions: partitions,
              replicationFactor: replication,
              configEntries,
            },
          ],
        })
      } catch (cause) {
        if (isOfType(cause, 'INVALID_REPLICATION_FACTOR')) {
          throw new BusError(
            'BUS_TOPIC_UNFIT',
            `topic ${name} cannot have ${replication} replicas: Kafka has fewer brokers`,
            { cause },
          )
        }
        throw cause
      }
      // A broker that was asked before the news reached it says that there is none.
      if ((await this.shapeOf(name)) === null) throw new Error('it is made, and not shown yet')
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await bounded(this.#admin.disconnect(), closeMs)
    this.#client.sever()
  }

  async #ask<T>(at: Attempt, question: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.#patienceMs
    const { signal } = this.#closing
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      if (signal.aborted) throw new BusError('BUS_CLOSED', 'the bus is closed')
      try {
        return await question()
      } catch (error) {
        const fault = finalFault(error, this.#address, at)
        if (fault !== null) throw fault
        if (performance.now() + pauseMs > giveUpAt) throw this.#unavailable(at, error)
      }
      await pauseUnlessAborted(pauseMs, signal)
    }
  }

  #unavailable({ action, what }: Attempt, cause: unknown): BusError {
    const where = this.#address.brokers.join(', ')
    return new BusError(
      'BUS_UNAVAILABLE',
      `Kafka at ${where} does not answer (${reasonOf(cause)}), asked to ${action} ${what}: check the addresses and whether it runs`,
      { cause },
    )
  }
}
