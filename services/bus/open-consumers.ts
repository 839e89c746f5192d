import { BusError, type BatchHandler, type BusConsumer } from './bus.ts'

/** Reads as one member of a group until the signal aborts; resolves, or rejects, when no handler is at work any more. */
export type ReadAsMember = (handle: BatchHandler, stop: AbortSignal) => Promise<void>

/** The consumers of one bus that are not closed. */
export class OpenConsumers {
  readonly #open = new Set<BusConsumer>()

  add(read: ReadAsMember): BusConsumer {
    const consumer = new SingleRun(read, () => this.#open.delete(consumer))
    this.#open.add(consumer)
    return consumer
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((consumer) => consumer[Symbol.asyncDispose]()))
  }
}

/** A consumer runs once; closing it stops that run and waits for its end. */
class SingleRun implements BusConsumer {
  readonly #read: ReadAsMember
  readonly #onClosed: () => void
  readonly #closing = new AbortController()
  #run: Promise<void> | null = null

  constructor(read: ReadAsMember, onClosed: () => void) {
    this.#read = read
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
    this.#onClosed()
  }
}
