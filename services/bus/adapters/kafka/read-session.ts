import type { Consumer, EachBatchPayload, KafkaMessage, LogEntry } from 'kafkajs'
import {
  BusError,
  type Batch,
  type BatchHandler,
  type ConsumerOptions,
  type StoredRecord,
} from '../../bus.ts'
import { describeFault } from '../../fault.ts'
import { Assignment, firstRetryMs, placeOf, type Reading } from './assignment.ts'
import { bounded, pauseUnlessAborted } from './bounded.ts'
import { createClient, patientRetry, type KafkaClient } from './client.ts'
import { isOfType, reasonOf, howUnreadable } from './fault.ts'
import { Lease } from './lease.ts'
import type { ReadContext } from './read-context.ts'
import { storedRecord } from './records.ts'

const defaultRecords = 1_000
const longestRetryMs = 10_000
const sessionTimeoutMs = 20_000
const heartbeatMs = 1_000
/** How long a fetch waits for records: also how long stopping, or beginning to read, may have to wait. */
const fetchWaitMs = 200
const commitEveryMs = 200
const commitAttempts = 3
const closeMs = 5_000

/** Membership is over: others may have the partitions. */
const lostTypes = [
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]

/**
 * One client's life as a member of the group, from joining to leaving or to a fault. The client hands over what it fetched and
 * joins again after each rebalance; where to begin, what is stale, what is committed and when it has ended is decided here.
 */
export class ReadSession {
  readonly #context: ReadContext
  readonly #options: ConsumerOptions
  readonly #handle: BatchHandler
  readonly #stop: AbortSignal
  readonly #client: KafkaClient
  readonly #consumer: Consumer
  readonly #lease = new Lease(sessionTimeoutMs)
  readonly #handlers = new Set<Promise<unknown>>()
  /** What is at work on a partition: handlers, and the commits after them. Also of partitions that have moved. */
  readonly #working = new Map<string, Promise<void>>()
  readonly #ended = new AbortController()
  #assignment = new Assignment({})
  /** What the coordinator said when it took the partitions away; until the next assignment. */
  #lost: unknown = null
  #failure: unknown = null
  #heartbeat: (() => Promise<void>) | null = null

  constructor(
    context: ReadContext,
    options: ConsumerOptions,
    handle: BatchHandler,
    stop: AbortSignal,
  ) {
    this.#context = context
    this.#options = options
    this.#handle = handle
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
  }

  /** Resolves when it was told to stop, after the handlers at work; rejects with what ended it otherwise. */
  async run(): Promise<void> {
    const end = AbortSignal.any([this.#stop, this.#ended.signal])
    const beating = setInterval(() => void this.#beat(), heartbeatMs)
    const joined = this.#join()
    try {
      await aborted(end)
    } finally {
      this.#ended.abort()
      // Handlers at work come to their end as readers in good standing; only then may others take over.
      await Promise.allSettled(this.#handlers)
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
    consumer.on(HEARTBEAT, () => this.#lease.renew())
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
    this.#lease.renew()
    this.#lost = null
    const assignment = new Assignment(assigned)
    this.#assignment = assignment
    this.#consumer.pause(
      Object.entries(assigned).map(([topic, partitions]) => ({ topic, partitions })),
    )
    for (const reading of assignment.readings) void this.#begin(assignment, reading)
  }

  async #begin(assignment: Assignment, reading: Reading): Promise<void> {
    const { topic, partition } = reading
    const isOver = (): boolean => this.#ended.signal.aborted || this.#assignment !== assignment
    try {
      await this.#refuseNewPartition(reading)
      // A handler from before the rebalance may still be at work on the same records.
      await this.#working.get(placeOf(topic, partition))
      for (;;) {
        if (isOver()) return
        const start = await this.#startOf(reading)
        if (isOver()) return
        if (start !== null) {
          reading.next = start
          this.#consumer.seek({ topic, partition, offset: String(start) })
          this.#consumer.resume([{ topic, partitions: [partition] }])
          return
        }
        await pauseUnlessAborted(firstRetryMs, this.#ended.signal)
      }
    } catch (error) {
      if (!isOver()) this.#end(error)
    }
  }

  async #refuseNewPartition({ topic, partition }: Reading): Promise<void> {
    const { partitions } = await this.#context.topics.of(topic)
    if (partition < partitions) return
    throw new BusError(
      'BUS_PARTITIONS_DIFFER',
      `topic ${topic} had ${partitions} partitions and was given more: restart with the new count, at the end of a log's period`,
    )
  }

  /** Null when Kafka does not answer: ask again. */
  async #startOf({ topic, partition }: Reading): Promise<bigint | null> {
    const { admin } = this.#context
    try {
      const wanted = (await this.#options.startAt?.(topic, partition)) ?? 'committed'
      const marks = (await admin.watermarks(topic)).get(partition)
      if (marks === undefined) return null
      if (wanted === 'oldest') return marks.low
      const { group } = this.#options
      const start = wanted === 'committed' ? await admin.committed(group, topic, partition) : wanted
      if (start === null) return marks.low
      if (start < marks.low || start > marks.high) throw outOfRange(topic, partition, start, marks)
      return start
    } catch (error) {
      if (error instanceof BusError && error.code === 'BUS_UNAVAILABLE') return null
      throw error
    }
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch
    const assignment = this.#assignment
    const reading = assignment.of(topic, partition)
    if (reading?.next === undefined || reading.next === null) return
    this.#heartbeat ??= () => payload.heartbeat()
    const place = placeOf(topic, partition)
    const work = Promise.withResolvers<void>()
    this.#working.set(place, work.promise)
    try {
      await this.#handOver(payload, assignment, reading)
    } catch (error) {
      this.#end(error)
    } finally {
      this.#working.delete(place)
      work.resolve()
    }
    // The client has to hear of it from here: it joins again when this throws.
    if (this.#lost !== null && this.#assignment === assignment) throw this.#lost
  }

  async #handOver(
    payload: EachBatchPayload,
    assignment: Assignment,
    reading: Reading,
  ): Promise<void> {
    const { messages } = payload.batch
    const isOver = (): boolean =>
      this.#ended.signal.aborted ||
      this.#stop.aborted ||
      this.#lost !== null ||
      this.#assignment !== assignment
    await this.#checkContinuity(reading, messages)
    const atOnce = Math.max(1, this.#options.maxRecords ?? defaultRecords)
    let uncommitted: bigint | null = null
    for (let at = 0; at < messages.length && !isOver(); at += atOnce) {
      const slice = messages.slice(at, at + atOnce)
      const records = slice.map(storedRecord)
      const commit = await this.#handleOnce(payload, assignment, reading, records, isOver)
      // Overtaken: the new reader's word counts.
      if (commit === null || this.#assignment !== assignment) break
      const follows = (records.at(-1)?.offset ?? commit) + 1n
      if (commit !== follows) await this.#refuseOutOfRange(reading, commit)
      payload.resolveOffset(String(commit - 1n))
      const isLast = at + atOnce >= messages.length
      reading.next = isLast && commit === follows ? BigInt(payload.batch.lastOffset()) + 1n : commit
      uncommitted = commit
      if (performance.now() - reading.committedAt > commitEveryMs) {
        await this.#commit(payload, reading, commit)
        uncommitted = null
      }
      if (commit !== follows) break
    }
    if (uncommitted !== null && this.#assignment === assignment) {
      await this.#commit(payload, reading, uncommitted)
    }
  }

  /** The offset to go on from; null when the handler failed. */
  async #handleOnce(
    payload: EachBatchPayload,
    assignment: Assignment,
    reading: Reading,
    records: readonly StoredRecord[],
    isOver: () => boolean,
  ): Promise<bigint | null> {
    const { topic, partition } = reading
    const told = { isStale: false }
    const batch: Batch = {
      topic,
      partition,
      records,
      highWatermark: BigInt(payload.batch.highWatermark),
      beat: async () => {
        if (this.#isReader(assignment)) return
        told.isStale = true
        const message = `${topic}[${partition}] may have been given to another reader`
        throw new BusError('BUS_STALE_READER', message)
      },
    }
    try {
      const work = this.#handle(batch)
      this.#handlers.add(work)
      const { commit } = await work.finally(() => this.#handlers.delete(work))
      // It was told, and whatever it did after that is not for us to confirm.
      if (told.isStale) return null
      reading.retryMs = firstRetryMs
      return commit
    } catch (error) {
      if (isOver()) return null
      const { group } = this.#options
      const offset = records[0]?.offset.toString()
      this.#context.logger.error(
        { group, topic, partition, offset, records: records.length, fault: describeFault(error) },
        'a batch could not be handled, it is handed over again',
      )
      this.#pause(assignment, reading)
      return null
    }
  }

  /** The other partitions go on, and so does the heartbeat. */
  #pause(assignment: Assignment, reading: Reading): void {
    const where = [{ topic: reading.topic, partitions: [reading.partition] }]
    this.#consumer.pause(where)
    void pauseUnlessAborted(reading.retryMs, this.#ended.signal).then(() => {
      if (!this.#ended.signal.aborted && this.#assignment === assignment) {
        this.#consumer.resume(where)
      }
    })
    reading.retryMs = Math.min(reading.retryMs * 2, longestRetryMs)
  }

  /**
   * The client jumps when an offset is out of range. Offsets need not be dense, so a jump forward is looked at: it is a loss if
   * the log begins after what was expected. A jump back means that the log was cut off or made anew.
   */
  async #checkContinuity(reading: Reading, messages: readonly KafkaMessage[]): Promise<void> {
    const first = messages[0]
    if (first === undefined || reading.next === null) return
    const found = BigInt(first.offset)
    if (found === reading.next) return
    await this.#refuseOutOfRange(reading, reading.next)
    if (found > reading.next) return
    throw new BusError(
      'BUS_OFFSET_OUT_OF_RANGE',
      `${reading.topic}[${reading.partition}] gave offset ${found} where ${reading.next} was asked for`,
    )
  }

  async #refuseOutOfRange({ topic, partition }: Reading, offset: bigint): Promise<void> {
    const marks = (await this.#context.admin.watermarks(topic)).get(partition)
    if (marks === undefined || offset < marks.low || offset > marks.high) {
      throw outOfRange(topic, partition, offset, marks)
    }
  }

  async #commit(payload: EachBatchPayload, reading: Reading, offset: bigint): Promise<void> {
    const { topic, partition } = reading
    const partitions = [{ partition, offset: String(offset) }]
    for (let attempt = 1; ; attempt += 1) {
      try {
        await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
        reading.committedAt = performance.now()
        return
      } catch (error) {
        if (isOfType(error, ...lostTypes)) {
          this.#lost = error
          return
        }
        if (isOfType(error, 'GROUP_AUTHORIZATION_FAILED')) throw error
        if (attempt < commitAttempts && !this.#stop.aborted) {
          await pauseUnlessAborted(firstRetryMs * attempt, this.#stop)
          continue
        }
        // What was handled stays handled; after a crash it would come again.
        const reason = reasonOf(error)
        this.#context.logger.warn({ topic, partition, reason }, 'an offset could not be committed')
        return
      }
    }
  }

  /** Keeps the membership while handlers are at work: the client does so only between them. */
  async #beat(): Promise<void> {
    if (this.#working.size === 0 || this.#heartbeat === null || this.#lost !== null) return
    const assignment = this.#assignment
    try {
      await this.#heartbeat()
    } catch (error) {
      if (this.#assignment !== assignment) return
      if (isOfType(error, ...lostTypes)) this.#lost = error
      else if (this.#lease.isOver) this.#lost = new Unheard({ cause: error })
    }
  }

  /** Asks nobody: the coordinator gives nothing away while the lease lasts, and the heartbeat learns what it says. */
  #isReader(assignment: Assignment): boolean {
    if (this.#assignment !== assignment) return false
    if (this.#lost === null && this.#lease.isOver) this.#lost = new Unheard()
    return this.#lost === null
  }

  /** Two things the client says only in its log. That it gives an offset up, which it then commits to the group: throwing stops it. */
  #observe({ namespace, log }: LogEntry): void {
    // Denied a group, the client says that it found no coordinator.
    if (
      namespace === 'Connection' &&
      String(log['error']).startsWith('Not authorized to access group')
    ) {
      return this.#end(new GroupDenied())
    }
    if (
      namespace !== 'ConsumerGroup' ||
      !log.message.startsWith('Offset out of range, resetting')
    ) {
      return
    }
    const { topic, partition } = log as { readonly topic?: unknown; readonly partition?: unknown }
    const reading = this.#assignment.of(String(topic), Number(partition))
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
      for (const { topic, partition, next } of this.#assignment.readings) {
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

/** The coordinator was not heard for so long that it may have given the partitions away: the client has to join again. */
class Unheard extends Error {
  override readonly name = 'Unheard'
  /** By which the client tells that. */
  readonly type = 'REBALANCE_IN_PROGRESS'

  constructor(options?: ErrorOptions) {
    super('the group coordinator does not answer', options)
  }
}

class GroupDenied extends Error {
  override readonly name = 'GroupDenied'
  readonly type = 'GROUP_AUTHORIZATION_FAILED'
}

class OffsetGivenUp extends Error {
  override readonly name = 'OffsetGivenUp'
  readonly retriable = false
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? causeOf(error.cause) : error
}

function outOfRange(
  topic: string,
  partition: number,
  offset: bigint,
  marks: { readonly low: bigint; readonly high: bigint } | undefined,
): BusError {
  const range = marks === undefined ? 'it is gone' : `it has ${marks.low} to ${marks.high}`
  return new BusError(
    'BUS_OFFSET_OUT_OF_RANGE',
    `${topic}[${partition}] cannot be read from offset ${offset}: ${range}`,
  )
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
