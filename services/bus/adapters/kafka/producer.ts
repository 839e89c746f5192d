import type { Message, Producer } from 'kafkajs'
import type { Logger } from 'pino'
import { BusError, type BusProducer, type BusRecord, type SendResult } from '../../bus.ts'
import { partitionOf } from '../../partitioner.ts'
import { SendRoom, type SendRoomLimits } from '../../send-room.ts'
import { pauseUnlessAborted } from '../../../runtime/pause.ts'
import { bounded } from './bounded.ts'
import { createClient, patientRetry, type KafkaAddress, type KafkaClient } from './client.ts'
import { finalFault, isOfType, reasonOf } from './fault.ts'
import { PartitionQueue } from './partition-queue.ts'
import { batchMessage } from './client-records.ts'
import { batchOverheadBytes } from './record-batch.ts'
import { outgoingRecord, type OutgoingRecord } from './records.ts'
import type { TopicTable } from './topic-table.ts'

export interface ProducerOptions {
  readonly address: KafkaAddress
  readonly topics: TopicTable
  readonly headersOf: (value: Buffer) => Readonly<Record<string, Buffer>>
  readonly logger: Logger
  readonly limits: SendRoomLimits
  /** How long a send that was taken may wait for Kafka before it fails with `BUS_UNAVAILABLE`. */
  readonly deliveryMs: number
}

/** Enough to share a request among many, little enough to answer soon. One larger record goes alone. */
const requestBytes = 1 << 20
const expireEveryMs = 1_000
const retryPauseMs = 500
const closeMs = 5_000

/**
 * Acknowledged by all replicas in sync, never idempotent: the client's idempotent producer can lose a batch and acknowledge it.
 * A request that fails is repeated and may then be written twice.
 */
export class KafkaProducer implements BusProducer {
  readonly #options: ProducerOptions
  readonly #client: KafkaClient
  readonly #producer: Producer
  readonly #room: SendRoom
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #closing = new AbortController()
  readonly #expiry: NodeJS.Timeout

  constructor(options: ProducerOptions) {
    const { address, logger, limits } = options
    this.#options = options
    this.#room = new SendRoom(limits)
    this.#client = createClient(address, logger, patientRetry)
    this.#producer = this.#client.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      metadataMaxAge: 30_000,
      // Every message names its partition.
      createPartitioner: () => namedPartition,
    })
    this.#expiry = setInterval(() => this.#expire(), expireEveryMs)
  }

  async connect(): Promise<void> {
    try {
      await this.#producer.connect()
    } catch (error) {
      throw this.#fault(error, 'Kafka') ?? unavailable(reasonOf(error), error)
    }
  }

  async send(topic: string, key: Buffer, records: readonly BusRecord[]): Promise<SendResult> {
    this.#refuseIfClosed()
    if (records.length === 0) throw new RangeError('a send has at least one record')
    const { topics, headersOf } = this.#options
    const { partitions, maxMessageBytes } = await topics.of(topic)
    const partition = partitionOf(key, partitions)
    const outgoing = records.map((record) => outgoingRecord(key, record, headersOf(record.value)))
    for (const { sizeBytes } of outgoing) refuseIfLarger(sizeBytes, maxMessageBytes, topic)
    let baseOffset: bigint | null = null
    for (const part of requestsOf(outgoing, maxMessageBytes)) {
      const offset = await this.#enqueue(topic, partition, part, maxMessageBytes)
      baseOffset ??= offset
    }
    if (baseOffset === null) throw new RangeError('nothing was sent')
    return { partition, baseOffset }
  }

  /** What was taken is written if that is possible soon; the rest is turned away. */
  async close(): Promise<void> {
    this.#room.rejectWaiting(closed())
    this.#closing.abort()
    const idle = Promise.all([...this.#queues.values()].map((queue) => queue.idle()))
    await bounded(idle, closeMs)
    clearInterval(this.#expiry)
    for (const queue of this.#queues.values()) queue.expire(Infinity, closed)
    await bounded(this.#producer.disconnect(), closeMs)
    this.#client.sever()
  }

  #enqueue(
    topic: string,
    partition: number,
    part: readonly OutgoingRecord[],
    maxMessageBytes: number,
  ): Promise<bigint> {
    const queue = this.#queueOf(topic, partition, maxMessageBytes)
    const sizeBytes = part.reduce((sum, record) => sum + record.sizeBytes, 0)
    const bodies = part.map(({ body }) => body)
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        if (this.#closing.signal.aborted) {
          this.#room.leave([sizeBytes])
          return reject(closed())
        }
        const expiresAt = performance.now() + this.#options.deliveryMs
        const release = (): void => this.#room.leave([sizeBytes])
        queue.add({ records: bodies, sizeBytes, expiresAt, resolve, reject, release })
      }
      this.#room.enter(sizeBytes, admit, reject)
    })
  }

  #queueOf(topic: string, partition: number, maxMessageBytes: number): PartitionQueue {
    const place = `${topic}/${partition}`
    const known = this.#queues.get(place)
    if (known !== undefined) return known
    const maxBytes = Math.min(requestBytes, maxMessageBytes - batchOverheadBytes)
    const queue = new PartitionQueue(maxBytes, (records) =>
      this.#transmit(topic, partition, records),
    )
    this.#queues.set(place, queue)
    return queue
  }

  /** Until Kafka has written it, says that it never will, or the bus closes. */
  async #transmit(topic: string, partition: number, records: readonly Buffer[]): Promise<bigint> {
    const { signal } = this.#closing
    for (;;) {
      try {
        const results = await this.#producer.send({
          topic,
          messages: [batchMessage(partition, records)],
          acks: -1,
        })
        const written = results.find((result) => result.partition === partition)
        // The client leaves out what it has no place for, and resolves.
        if (written?.baseOffset === undefined) await this.#refuseIfNoPartition(topic, partition)
        else if (BigInt(written.baseOffset) >= 0n) return BigInt(written.baseOffset)
      } catch (error) {
        const fault = this.#fault(error, `topic ${topic}`)
        if (fault !== null) throw fault
        this.#options.logger.warn(
          { topic, partition, reason: reasonOf(error) },
          'Kafka did not take records; they are sent again',
        )
      }
      if (signal.aborted) throw closed()
      await pauseUnlessAborted(retryPauseMs, signal)
    }
  }

  async #refuseIfNoPartition(topic: string, partition: number): Promise<void> {
    const count = await this.#options.topics.recount(topic)
    if (partition < count) return
    throw new BusError(
      'BUS_PARTITIONS_DIFFER',
      `topic ${topic} has ${count} partitions in Kafka, a record is for partition ${partition}: nothing of it was written`,
    )
  }

  #fault(error: unknown, what: string): BusError | null {
    if (isOfType(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) {
      return new BusError('BUS_RECORD_TOO_LARGE', `Kafka refuses a record for ${what}: too large`, {
        cause: error,
      })
    }
    return finalFault(error, this.#options.address, { action: 'write', what })
  }

  #expire(): void {
    const now = performance.now()
    const { deliveryMs } = this.#options
    const late = (): BusError => unavailable(`no answer within ${deliveryMs} ms`)
    for (const queue of this.#queues.values()) queue.expire(now, late)
  }

  #refuseIfClosed(): void {
    if (this.#closing.signal.aborted) throw closed()
  }
}

/** Requests of one send: most often one. */
function* requestsOf(
  records: readonly OutgoingRecord[],
  maxMessageBytes: number,
): Generator<readonly OutgoingRecord[]> {
  const maxBytes = Math.min(requestBytes, maxMessageBytes - batchOverheadBytes)
  let from = 0
  let bytes = 0
  for (const [at, { sizeBytes }] of records.entries()) {
    if (at > from && bytes + sizeBytes > maxBytes) {
      yield records.slice(from, at)
      from = at
      bytes = 0
    }
    bytes += sizeBytes
  }
  yield records.slice(from)
}

function refuseIfLarger(sizeBytes: number, maxMessageBytes: number, topic: string): void {
  if (sizeBytes + batchOverheadBytes <= maxMessageBytes) return
  throw new BusError(
    'BUS_RECORD_TOO_LARGE',
    `a record for topic ${topic} takes up to ${sizeBytes + batchOverheadBytes} bytes, Kafka takes ${maxMessageBytes} (max.message.bytes)`,
  )
}

function namedPartition({ message }: { readonly message: Message }): number {
  if (message.partition === undefined) throw new RangeError('a message names its partition')
  return message.partition
}

function closed(): BusError {
  return new BusError('BUS_CLOSED', 'the bus is closed')
}

function unavailable(reason: string, cause?: unknown): BusError {
  return new BusError('BUS_UNAVAILABLE', `Kafka did not take records: ${reason}`, { cause })
}
