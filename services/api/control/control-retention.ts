import type { BusProducer } from '../../bus/bus.ts'
import { topics } from '../../bus/topics.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { ControlState } from './control-state.ts'

export interface ControlRetentionOptions {
  readonly state: ControlState
  readonly producer: BusProducer
  readonly clock: Clock
  readonly logger: Logger
}

const everyMs = 60_000
const noValue = Buffer.alloc(0)

/**
 * Erases from `control.updates` what has had its day, so that the topic holds what is in force and not every session password
 * there ever was. What cannot be erased now is tried again a minute later.
 */
export class ControlRetention implements AsyncDisposable {
  readonly #options: ControlRetentionOptions
  readonly #timer: NodeJS.Timeout
  #working: Promise<void> = Promise.resolve()

  constructor(options: ControlRetentionOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#working = this.#working.then(() => this.#try())
    }, everyMs)
  }

  /** Resolves when the tombstones are on the bus. */
  async erase(): Promise<void> {
    const { state, producer, clock } = this.#options
    for (const key of state.gone(clock.nowMs())) {
      const record = { key: Buffer.from(key), value: noValue }
      await producer.send(topics.controlUpdates, record.key, [{ value: noValue, headers: {} }])
      state.read(record)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#working
  }

  async #try(): Promise<void> {
    try {
      await this.erase()
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'old control updates could not be erased')
    }
  }
}
