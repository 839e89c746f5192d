import type { Logger } from 'pino'
import { BusError, type Bus, type BusConsumer, type ConsumerOptions } from '../../bus.ts'
import { OpenConsumers } from '../../open-consumers.ts'
import type { TopicConfig } from '../../topic-config.ts'
import type { KafkaAddress } from './client.ts'
import { readAsMember } from './consumer.ts'
import { KafkaProducer } from './producer.ts'
import type { ReadContext } from './read-context.ts'
import { TopicAdmin } from './topic-admin.ts'
import type { Replication } from './topic-settings.ts'
import { TopicTable } from './topic-table.ts'

export interface KafkaBusOptions extends KafkaAddress {
  /**
   * Checked at opening: `BUS_TOPIC_MISSING`, `BUS_PARTITIONS_DIFFER`, or `BUS_TOPIC_UNFIT` with the setting that does not fit.
   * Nothing that is there is ever changed.
   */
  readonly topics: readonly TopicConfig[]
  /** Not null: makes the topics that are missing, so that each record is kept by so many brokers. */
  readonly provision: Replication | null
  /** Headers that are added to every record sent. A header of the record itself has precedence. */
  readonly headersOf?: (value: Buffer) => Readonly<Record<string, Buffer>>
  readonly logger: Logger
  /** How long Kafka may be away when it is asked for something, as at opening. Default 30 s. */
  readonly patienceMs?: number
  /** Bytes that may wait to become durable. Default 64 MiB. */
  readonly queueBytes?: number
  /** How long a send waits for room in that queue before it fails with `BUS_FULL`. Default 10 s. */
  readonly sendWaitMs?: number
  /** How long a send that was taken waits for Kafka before it fails with `BUS_UNAVAILABLE`. Default 30 s. */
  readonly deliveryMs?: number
}

/**
 * Opens the bus on Apache Kafka. A send is durable (acknowledged by every replica in sync) when it resolves. Fails with
 * `BUS_UNAVAILABLE` where Kafka does not answer and with `BUS_DENIED` where it does not let us.
 */
export async function openKafkaBus(options: KafkaBusOptions): Promise<Bus> {
  const { topics, provision, logger } = options
  const admin = new TopicAdmin(options, logger, options.patienceMs ?? 30_000)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => admin.close())
  await admin.connect()
  const table = new TopicTable(admin)
  await table.open(topics, provision)
  const producer = new KafkaProducer({
    address: options,
    topics: table,
    headersOf: options.headersOf ?? noHeaders,
    logger,
    limits: {
      queueBytes: options.queueBytes ?? 64 << 20,
      waitMs: options.sendWaitMs ?? 10_000,
      waiters: 10_000,
    },
    deliveryMs: options.deliveryMs ?? 30_000,
  })
  cleanup.defer(() => producer.close())
  await producer.connect()
  return new KafkaBus({ address: options, admin, topics: table, logger }, producer, cleanup.move())
}

class KafkaBus implements Bus {
  readonly producer: KafkaProducer
  readonly #context: ReadContext
  readonly #cleanup: AsyncDisposableStack
  readonly #consumers = new OpenConsumers()
  #closed: Promise<void> | null = null

  constructor(context: ReadContext, producer: KafkaProducer, cleanup: AsyncDisposableStack) {
    this.#context = context
    this.producer = producer
    this.#cleanup = cleanup
  }

  consumer(options: ConsumerOptions): BusConsumer {
    if (this.#closed !== null) throw new BusError('BUS_CLOSED', 'the bus is closed')
    return this.#consumers.add((handle, stop) => readAsMember(this.#context, options, handle, stop))
  }

  async partitionsOf(topic: string): Promise<number> {
    return (await this.#context.topics.of(topic)).partitions
  }

  async watermarks(topic: string, partition: number): Promise<{ low: bigint; high: bigint }> {
    await this.#context.topics.of(topic)
    const marks = (await this.#context.admin.watermarks(topic)).get(partition)
    if (marks !== undefined) return marks
    throw new BusError('BUS_TOPIC_MISSING', `topic ${topic} has no partition ${partition}`)
  }

  async committed(group: string, topic: string, partition: number): Promise<bigint | null> {
    await this.#context.topics.of(topic)
    return this.#context.admin.committed(group, topic, partition)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#consumers.close()
    await this.#cleanup.disposeAsync()
  }
}

function noHeaders(): Readonly<Record<string, Buffer>> {
  return {}
}
