import { setTimeout as pause } from 'node:timers/promises'

import type { Batch, BusProducer } from '../../bus/bus.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import { OnceAMinute } from '../../runtime/once-a-minute.ts'
import type { Finding } from './finding.ts'
import type { LogWriter } from '../log/log-writer.ts'
import { periodOf } from '../origin.ts'
import { PartitionSequencer } from './partition-sequencer.ts'
import type { Start, PartitionSequencerOptions, SealedRecords } from './partition-sequencer.ts'
import type { RecentEntries } from '../log/recent-entries.ts'
import { SealedPublisher } from './sealed-publisher.ts'
import type { LogStorage } from '../storage/storage.ts'
import { Wakeup } from './wakeup.ts'

export interface LedgerPartitionOptions extends Omit<
  PartitionSequencerOptions,
  'onWritten' | 'partition'
> {
  readonly clock: Clock
  readonly logger: Logger
  readonly checkpointMs: number
  readonly sealedTopic: string
  /** Begins the log of the current period, whose genesis names the final checkpoint of `old`. */
  nextLog(old: LogWriter): Promise<LogWriter>
}

/** Clocks are set by so much without anything being wrong. */
const clockToleranceMs = 1000

/** One partition of the topic: its sequencer, and the loops that sign and publish what it has sealed. */
export class LedgerPartition implements AsyncDisposable {
  readonly part: number
  readonly #options: LedgerPartitionOptions
  readonly #sequencer: PartitionSequencer
  readonly #unsigned = new Wakeup()
  readonly #unpublished = new Wakeup()
  /** Logs of periods that ended while this process ran: readers may still be in them. */
  readonly #ended: LogWriter[] = []
  #log: LogWriter
  #period: string
  #checkpointedAtMs = 0
  readonly #said: OnceAMinute

  constructor(part: number, period: string, log: LogWriter, options: LedgerPartitionOptions) {
    this.part = part
    this.#options = options
    this.#log = log
    this.#period = period
    this.#said = new OnceAMinute(options.clock)
    this.#sequencer = new PartitionSequencer(log, {
      ...options,
      partition: part,
      onWritten: () => {
        this.#unsigned.wake()
      },
    })
  }

  get log(): LogWriter {
    return this.#log
  }

  /**
   * By how much the clock is behind the newest entry, when by more than clocks are set; else 0. Until it has caught up, everything is
   * sealed and signed with the time of that entry.
   */
  get clockBehindMs(): number {
    const behindMs = Math.floor(this.#log.batch.rtUs / 1000) - this.#options.clock.nowMs()
    return behindMs > clockToleranceMs ? behindMs : 0
  }

  async startAt(low: bigint, high: bigint): Promise<Start> {
    const start = await this.#sequencer.startAt(low, high)
    if (start.lost !== null) this.#tell(start.lost)
    return start
  }

  async handle(batch: Batch): Promise<SealedRecords> {
    if (periodOf(this.#options.clock.nowMs()) > this.#period) await this.#beginPeriod()
    this.#tellClock()
    const sealed = await this.#sequencer.handle(batch)
    for (const finding of sealed.findings) this.#tell(finding)
    return sealed
  }

  /** Signs what became durable: at once after a quiet time, else once in an interval. */
  async signLoop(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#unsigned.wait(stop)
      const waitMs = this.#checkpointedAtMs + this.#options.checkpointMs - performance.now()
      if (waitMs > 0) await pause(waitMs, undefined, { signal: stop }).catch(() => undefined)
      await this.sign()
    }
  }

  /** Signs everything that was handed over: what is being written now is waited for. */
  async sign(): Promise<void> {
    const log = this.#log
    await log.settled()
    const signed = await log.checkpoint(this.#options.clock.nowMs())
    this.#checkpointedAtMs = performance.now()
    if (signed !== null) this.#unpublished.wake()
  }

  /**
   * Publishes what is signed, first what an ended period has left. Ends when `stop` aborts, after what was signed by then is
   * published; `giveUp` ends it whatever is left.
   */
  async publishLoop(
    producer: BusProducer,
    previous: LogStorage | null,
    stop: AbortSignal,
    giveUp: AbortSignal,
  ): Promise<void> {
    if (previous !== null) await this.#publishAll(previous, producer, giveUp)
    let log = this.#log
    let publisher = await this.#publisher(log.storage, producer, log.recent)
    for (let isLast = false; ; isLast = stop.aborted) {
      const size = log.signed?.size ?? 0
      await publisher.publishTo(size, giveUp)
      if (log !== this.#log && publisher.position >= log.durableSize) {
        await publisher.keep()
        log = this.#log
        publisher = await this.#publisher(log.storage, producer, log.recent)
        continue
      }
      if (isLast || giveUp.aborted) break
      await this.#unpublished.wait(stop)
    }
    await publisher.keep()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const log of this.#ended) await log[Symbol.asyncDispose]()
    await this.#log[Symbol.asyncDispose]()
  }

  // The old log gets its final checkpoint first, so that a crash in between leaves either one log that goes on, or two that fit.
  async #beginPeriod(): Promise<void> {
    const old = this.#log
    await old.settled()
    await this.sign()
    const next = await this.#options.nextLog(old)
    this.#period = periodOf(this.#options.clock.nowMs())
    this.#ended.push(old)
    this.#log = next
    this.#sequencer.moveTo(next)
    await this.sign()
    this.#unpublished.wake()
  }

  #tellClock(): void {
    const behindMs = this.clockBehindMs
    if (behindMs === 0 || !this.#said.isDue('clock')) return
    this.#options.logger.error(
      { log: this.#log.origin, behindMs },
      'the clock is behind the newest entry: entries are sealed with the time of that one until it has caught up; set the clock right',
    )
  }

  #tell(finding: Finding): void {
    const isLoss = finding.reason === 'below_low_watermark' || finding.reason === 'offsets_missing'
    if (isLoss) this.#options.logger.error(finding, 'records were lost before they were sealed')
    else this.#options.logger.error(finding, 'records that are no events were sealed as they are')
  }

  #publisher(
    log: LogStorage,
    producer: BusProducer,
    recent: RecentEntries | null,
  ): Promise<SealedPublisher> {
    const { sealedTopic, logger } = this.#options
    return SealedPublisher.open({ log, producer, topic: sealedTopic, logger, recent })
  }

  async #publishAll(log: LogStorage, producer: BusProducer, giveUp: AbortSignal): Promise<void> {
    const head = await log.register.read()
    const publisher = await this.#publisher(log, producer, null)
    await publisher.publishTo(head?.size ?? 0, giveUp)
    await publisher.keep()
  }
}
