import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import {
  BusError,
  type Batch,
  type BatchHandler,
  type ConsumerOptions,
  type StoredRecord,
} from '../../bus.ts'
import { describeFault } from '../../fault.ts'
import { firstRetryMs, type Assignment, type Reading } from './assignment.ts'
import { pauseUnlessAborted } from './bounded.ts'
import { isOfType, reasonOf } from './fault.ts'
import type { Membership } from './membership.ts'
import { refuseOutOfRange } from './offset-range.ts'
import type { ReadContext } from './read-context.ts'
import { storedRecord } from './records.ts'

const defaultRecords = 1_000
const longestRetryMs = 10_000
const commitEveryMs = 200
const commitAttempts = 3

export interface DeliveryOptions {
  readonly context: ReadContext
  readonly consumer: Consumer
  readonly membership: Membership
  readonly options: ConsumerOptions
  readonly handle: BatchHandler
  /** Told to stop: nothing is handed over any more. */
  readonly stop: AbortSignal
  /** The session has ended, stopped or failed. */
  readonly ended: AbortSignal
}

/** Hands what the client fetched over to the handler, a part at a time, and commits what it is through with. */
export class BatchDelivery {
  readonly #with: DeliveryOptions
  readonly #handlers = new Set<Promise<unknown>>()

  constructor(options: DeliveryOptions) {
    this.#with = options
  }

  /** Resolves when no handler is at work. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#handlers)
  }

  async handOver(
    payload: EachBatchPayload,
    assignment: Assignment,
    reading: Reading,
  ): Promise<void> {
    const { options, membership } = this.#with
    const { messages } = payload.batch
    await this.#checkContinuity(reading, messages)
    const atOnce = Math.max(1, options.maxRecords ?? defaultRecords)
    let uncommitted: bigint | null = null
    for (let at = 0; at < messages.length && !this.#isOver(assignment); at += atOnce) {
      const records = messages.slice(at, at + atOnce).map(storedRecord)
      const commit = await this.#handleOnce(payload, assignment, reading, records)
      // Overtaken: the new reader's word counts.
      if (commit === null || !membership.isCurrent(assignment)) break
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
    if (uncommitted !== null && membership.isCurrent(assignment)) {
      await this.#commit(payload, reading, uncommitted)
    }
  }

  #isOver(assignment: Assignment): boolean {
    const { stop, ended, membership } = this.#with
    return (
      ended.aborted || stop.aborted || membership.lost !== null || !membership.isCurrent(assignment)
    )
  }

  /** The offset to go on from; null when the handler failed. */
  async #handleOnce(
    payload: EachBatchPayload,
    assignment: Assignment,
    reading: Reading,
    records: readonly StoredRecord[],
  ): Promise<bigint | null> {
    const { topic, partition } = reading
    const { membership, handle } = this.#with
    const told = { isStale: false }
    const batch: Batch = {
      topic,
      partition,
      records,
      highWatermark: BigInt(payload.batch.highWatermark),
      beat: async () => {
        if (membership.isReader(assignment)) return
        told.isStale = true
        const message = `${topic}[${partition}] may have been given to another reader`
        throw new BusError('BUS_STALE_READER', message)
      },
    }
    try {
      const work = handle(batch)
      this.#handlers.add(work)
      const { commit } = await work.finally(() => this.#handlers.delete(work))
      // It was told, and whatever it did after that is not for us to confirm.
      if (told.isStale) return null
      reading.retryMs = firstRetryMs
      return commit
    } catch (error) {
      if (this.#isOver(assignment)) return null
      const { group } = this.#with.options
      const offset = records[0]?.offset.toString()
      this.#with.context.logger.error(
        { group, topic, partition, offset, records: records.length, fault: describeFault(error) },
        'a batch could not be handled, it is handed over again',
      )
      this.#pause(assignment, reading)
      return null
    }
  }

  /** The other partitions go on, and so does the heartbeat. */
  #pause(assignment: Assignment, reading: Reading): void {
    const { consumer, membership, ended } = this.#with
    const where = [{ topic: reading.topic, partitions: [reading.partition] }]
    consumer.pause(where)
    void pauseUnlessAborted(reading.retryMs, ended).then(() => {
      if (!ended.aborted && membership.isCurrent(assignment)) consumer.resume(where)
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

  #refuseOutOfRange({ topic, partition }: Reading, offset: bigint): Promise<void> {
    return refuseOutOfRange(this.#with.context.admin, topic, partition, offset)
  }

  async #commit(payload: EachBatchPayload, reading: Reading, offset: bigint): Promise<void> {
    const { membership, stop, context } = this.#with
    const { topic, partition } = reading
    const partitions = [{ partition, offset: String(offset) }]
    for (let attempt = 1; ; attempt += 1) {
      try {
        await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
        reading.committedAt = performance.now()
        return
      } catch (error) {
        if (membership.isLostBy(error)) return
        if (isOfType(error, 'GROUP_AUTHORIZATION_FAILED')) throw error
        if (attempt < commitAttempts && !stop.aborted) {
          await pauseUnlessAborted(firstRetryMs * attempt, stop)
          continue
        }
        // What was handled stays handled; after a crash it would come again.
        const reason = reasonOf(error)
        context.logger.warn({ topic, partition, reason }, 'an offset could not be committed')
        return
      }
    }
  }
}
