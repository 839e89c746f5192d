import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import { pauseUnlessAborted } from '../../../runtime/pause.ts'
import { BusError, type BatchHandler, type ConsumerOptions } from '../../bus.ts'
import { handOver, type Turn } from '../../hand-over.ts'
import type { Assignment, Reading } from './assignment.ts'
import { isOfType, reasonOf } from './fault.ts'
import type { Membership } from './membership.ts'
import { refuseOutOfRange } from './offset-range.ts'
import type { ReadContext } from './read-context.ts'
import { storedRecord } from './records.ts'

const commitEveryMs = 200
const commitAttempts = 3
const commitAgainMs = 100

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
    const { options, membership, context } = this.#with
    const { messages } = payload.batch
    await this.#checkContinuity(reading, messages)
    const records = messages.map(storedRecord)
    const end = (records.at(-1)?.offset ?? 0n) + 1n
    const uncommitted: { offset: bigint | null } = { offset: null }
    const turn: Turn = {
      topic: reading.topic,
      partition: reading.partition,
      isOver: () => this.#isOver(assignment),
      isHeld: () => membership.isReader(assignment),
      isOvertaken: () => !membership.isCurrent(assignment),
      highWatermark: () => BigInt(payload.batch.highWatermark),
      goOn: async (commit, isNext) => {
        if (!isNext) await this.#refuseOutOfRange(reading, commit)
        payload.resolveOffset(String(commit - 1n))
        // What the client was given may end in offsets that are no records of ours.
        reading.next = commit === end ? BigInt(payload.batch.lastOffset()) + 1n : commit
        reading.retry.reset()
        uncommitted.offset = commit
        if (performance.now() - reading.committedAt <= commitEveryMs) return
        await this.#commit(payload, reading, commit)
        uncommitted.offset = null
      },
    }
    const receiver = { options, handle: this.#handle, logger: context.logger }
    const outcome = await handOver(receiver, turn, records)
    if (outcome === 'failed') this.#pause(assignment, reading)
    if (uncommitted.offset !== null && membership.isCurrent(assignment)) {
      await this.#commit(payload, reading, uncommitted.offset)
    }
  }

  #isOver(assignment: Assignment): boolean {
    const { stop, ended, membership } = this.#with
    return (
      ended.aborted || stop.aborted || membership.lost !== null || !membership.isCurrent(assignment)
    )
  }

  readonly #handle: BatchHandler = async (batch) => {
    const work = this.#with.handle(batch)
    this.#handlers.add(work)
    return work.finally(() => this.#handlers.delete(work))
  }

  /** The other partitions go on, and so does the heartbeat. */
  #pause(assignment: Assignment, reading: Reading): void {
    const { consumer, membership, ended } = this.#with
    const where = [{ topic: reading.topic, partitions: [reading.partition] }]
    consumer.pause(where)
    void reading.retry.wait(ended).then(() => {
      if (!ended.aborted && membership.isCurrent(assignment)) consumer.resume(where)
    })
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
          await pauseUnlessAborted(commitAgainMs * attempt, stop)
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
