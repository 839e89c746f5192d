import type { Consumer, EachBatchPayload, LogEntry } from 'kafkajs'
import { BusError, type BatchHandler, type ConsumerOptions } from '../../bus.ts'
import { aborted, pauseUnlessAborted } from '../../../runtime/pause.ts'
import { Assignment, placeOf, type Reading } from './assignment.ts'
import { BatchDelivery } from './batch-delivery.ts'
import { bounded } from './bounded.ts'
import { createClient, patientRetry, type KafkaClient } from './client.ts'
import { howUnreadable } from './fault.ts'
import { GroupDenied, saysGroupDenied } from './group-denied.ts'
import { Membership } from './membership.ts'
import { outOfRange } from './offset-range.ts'
import type { ReadContext } from './read-context.ts'
import { refuseNewPartition, startOffset } from './start-offset.ts'

const sessionTimeoutMs = 20_000
const heartbeatMs = 1_000
/** How long a fetch waits for records: also how long stopping, or beginning to read, may have to wait. */
const fetchWaitMs = 200
/** How often Kafka is asked where to begin while it does not answer. */
const askAgainMs = 100
const closeMs = 5_000

/**
 * One client's life as a member of the group, from joining to leaving or to a fault. The client hands over what it fetched and
 * joins again after each rebalance; where to begin, what is stale, what is committed and when it has ended is decided here.
 */
export class ReadSession {
  readonly #context: ReadContext
  readonly #options: ConsumerOptions
  readonly #stop: AbortSignal
  readonly #client: KafkaClient
  readonly #consumer: Consumer
  readonly #membership = new Membership(sessionTimeoutMs)
  readonly #delivery: BatchDelivery
  /** What is at work on a partition: handlers, and the commits after them. Also of partitions that have moved. */
  readonly #working = new Map<string, Promise<void>>()
  readonly #ended = new AbortController()
  #failure: unknown = null

  constructor(
    context: ReadContext,
    options: ConsumerOptions,
    handle: BatchHandler,
    stop: AbortSignal,
  ) {
    this.#context = context
    this.#options = options
    this.#stop = stop
    this.#client = createClient(context.address, context.logger, patientRetry, (entry) =>
      this.#observe(entry),
    )
    this.#consumer = this.#client.kafka.consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: fetchWaitMs,
      metadataMaxAge: 10_000,
      retry: { ...patientRetry, restartOnFailure: () => Promise.resolve(false) },
    })
    this.#delivery = new BatchDelivery({
      context,
      consumer: this.#consumer,
      membership: this.#membership,
      options,
      handle,
      stop,
      ended: this.#ended.signal,
    })
  }

  /** Resolves when it was told to stop, after the handlers at work; rejects with what ended it otherwise. */
  async run(): Promise<void> {
    const end = AbortSignal.any([this.#stop, this.#ended.signal])
    const beating = setInterval(() => {
      if (this.#working.size > 0) void this.#membership.beat()
    }, heartbeatMs)
    const joined = this.#join()
    try {
      await aborted(end)
    } finally {
      this.#ended.abort()
      // Handlers at work come to their end as readers in good standing; only then may others take over.
      await this.#delivery.idle()
      await bounded(Promise.all(this.#working.values()), closeMs)
      clearInterval(beating)
      // Whoever is about to join has to join before it can leave; a ghost would keep the others waiting.
      await bounded(joined, closeMs)
      await bounded(this.#consumer.disconnect(), closeMs)
      this.#client.sever()
    }
    if (this.#failure !== null) throw this.#failure
  }

  async #join(): Promise<void> {
    const consumer = this.#consumer
    const { CRASH, GROUP_JOIN, HEARTBEAT } = consumer.events
    consumer.on(GROUP_JOIN, ({ payload }) => this.#assigned(payload.memberAssignment))
    consumer.on(HEARTBEAT, () => this.#membership.renew())
    // `run` resolves before most of what can go wrong does.
    consumer.on(CRASH, ({ payload }) => this.#crashed(payload.error))
    try {
      await consumer.connect()
      // What is committed or reset is never the client's business; this only makes its own guess the safest one.
      await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: await this.#partitionCount(),
        eachBatch: (payload) => this.#eachBatch(payload),
      })
    } catch (error) {
      this.#end(error)
    }
  }

  async #partitionCount(): Promise<number> {
    const facts = this.#options.topics.map((topic) => this.#context.topics.of(topic))
    return (await Promise.all(facts)).reduce((sum, { partitions }) => sum + partitions, 0)
  }

  /** Nothing is fetched of a partition before it is known where to begin. Runs before the client's next fetch. */
  #assigned(assigned: Readonly<Record<string, number[]>>): void {
    const assignment = new Assignment(assigned)
    this.#membership.begin(assignment)
    this.#consumer.pause(
      Object.entries(assigned).map(([topic, partitions]) => ({ topic, partitions })),
    )
    for (const reading of assignment.readings) void this.#begin(assignment, reading)
  }

  async #begin(assignment: Assignment, reading: Reading): Promise<void> {
    const { topic, partition } = reading
    const isOver = (): boolean =>
      this.#ended.signal.aborted || !this.#membership.isCurrent(assignment)
    try {
      await refuseNewPartition(this.#context, reading)
      // A handler from before the rebalance may still be at work on the same records.
      await this.#working.get(placeOf(topic, partition))
      for (;;) {
        if (isOver()) return
        const start = await startOffset(this.#context, this.#options, reading)
        if (isOver()) return
        if (start !== null) {
          reading.next = start
          this.#consumer.seek({ topic, partition, offset: String(start) })
          this.#consumer.resume([{ topic, partitions: [partition] }])
          return
        }
        await pauseUnlessAborted(askAgainMs, this.#ended.signal)
      }
    } catch (error) {
      if (!isOver()) this.#end(error)
    }
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch
    const { assignment } = this.#membership
    const reading = assignment.of(topic, partition)
    if (reading?.next === undefined || reading.next === null) return
    this.#membership.beatBy(() => payload.heartbeat())
    const place = placeOf(topic, partition)
    const work = Promise.withResolvers<void>()
    this.#working.set(place, work.promise)
    try {
      await this.#delivery.handOver(payload, assignment, reading)
    } catch (error) {
      this.#end(error)
    } finally {
      this.#working.delete(place)
      work.resolve()
    }
    // The client has to hear of it from here: it joins again when this throws.
    const { lost } = this.#membership
    if (lost !== null && this.#membership.isCurrent(assignment)) throw lost
  }

  /** Two things the client says only in its log. That it gives an offset up, which it then commits to the group: throwing stops it. */
  #observe(entry: LogEntry): void {
    if (saysGroupDenied(entry)) return this.#end(new GroupDenied())
    const { namespace, log } = entry
    if (
      namespace !== 'ConsumerGroup' ||
      !log.message.startsWith('Offset out of range, resetting')
    ) {
      return
    }
    const { topic, partition } = log as { readonly topic?: unknown; readonly partition?: unknown }
    const reading = this.#membership.assignment.of(String(topic), Number(partition))
    void this.#explainReset(reading ?? null, String(topic), Number(partition))
    throw new OffsetGivenUp()
  }

  async #explainReset(reading: Reading | null, topic: string, partition: number): Promise<void> {
    try {
      const marks = (await this.#context.admin.watermarks(topic)).get(partition)
      this.#end(outOfRange(topic, partition, reading?.next ?? -1n, marks))
    } catch (error) {
      this.#end(error)
    }
  }

  #crashed(error: unknown): void {
    // Its explanation is on its way.
    if (causeOf(error) instanceof OffsetGivenUp) return
    const how = howUnreadable(error)
    if (how === null) this.#end(error)
    else void this.#explainUnreadable(how, error)
  }

  /** The client unpacks what it fetched of all partitions before it hands any over, and does not say which it could not. */
  async #explainUnreadable(how: string, cause: unknown): Promise<void> {
    const pending: string[] = []
    try {
      for (const { topic, partition, next } of this.#membership.assignment.readings) {
        const marks = (await this.#context.admin.watermarks(topic)).get(partition)
        if (next !== null && marks !== undefined && next < marks.high) {
          pending.push(`${topic}[${partition}] from offset ${next}`)
        }
      }
    } catch (error) {
      return this.#end(error)
    }
    const where = pending.length === 1 ? pending.join() : `one of ${pending.join(', ')}`
    const message = `${where} holds records ${how} that cannot be read: only gzip and zstd are known here, and the bytes must be whole`
    this.#end(new BusError('BUS_UNREADABLE', message, { cause }))
  }

  #end(error: unknown): void {
    if (this.#ended.signal.aborted) return
    this.#failure = error
    this.#ended.abort()
  }
}

class OffsetGivenUp extends Error {
  override readonly name = 'OffsetGivenUp'
  readonly retriable = false
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? causeOf(error.cause) : error
}
