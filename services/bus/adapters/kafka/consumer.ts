import { BusError, type BatchHandler, type BusConsumer, type ConsumerOptions } from '../../bus.ts'
import { pauseUnlessAborted } from './bounded.ts'
import { finalFault, reasonOf } from './fault.ts'
import type { ReadContext } from './read-context.ts'
import { ReadSession } from './read-session.ts'

const firstPauseMs = 100
const longestPauseMs = 5_000

/** One member of a group. The client gives up on some faults that pass: then it joins again as a new member. */
export class KafkaConsumer implements BusConsumer {
  readonly #context: ReadContext
  readonly #options: ConsumerOptions
  readonly #onClosed: (consumer: BusConsumer) => void
  readonly #closing = new AbortController()
  #run: Promise<void> | null = null

  constructor(
    context: ReadContext,
    options: ConsumerOptions,
    onClosed: (consumer: BusConsumer) => void,
  ) {
    this.#context = context
    this.#options = options
    this.#onClosed = onClosed
  }

  run(handle: BatchHandler, signal: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) {
      return Promise.reject(new BusError('BUS_CLOSED', 'the consumer is closed'))
    }
    if (this.#run !== null) return Promise.reject(new TypeError('a consumer runs once'))
    this.#run = this.#read(handle, AbortSignal.any([signal, this.#closing.signal]))
    return this.#run
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    // Whoever called run() gets its error.
    await this.#run?.catch(() => undefined)
    this.#onClosed(this)
  }

  async #read(handle: BatchHandler, stop: AbortSignal): Promise<void> {
    const { address, topics, logger } = this.#context
    const { group } = this.#options
    const what = `${this.#options.topics.map((topic) => `topic ${topic}`).join(', ')} as group ${group}`
    for (const topic of this.#options.topics) await topics.of(topic)
    let pauseMs = firstPauseMs
    while (!stop.aborted) {
      const startedAt = performance.now()
      try {
        await new ReadSession(this.#context, this.#options, handle, stop).run()
      } catch (error) {
        const fault = finalFault(error, address, { action: 'read', what })
        if (fault !== null) throw fault
        logger.warn({ group, reason: reasonOf(error) }, 'a reader lost Kafka; it joins again')
      }
      if (performance.now() - startedAt > longestPauseMs) pauseMs = firstPauseMs
      await pauseUnlessAborted(pauseMs, stop)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }
  }
}
