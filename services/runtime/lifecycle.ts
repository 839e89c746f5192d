import type { Logger } from './logger.ts'

/** Starts things and stops them in the opposite order. What is added when it is already stopping is stopped at once. */
export class Lifecycle implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #controller = new AbortController()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Aborts when stopping begins. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  add<T extends AsyncDisposable>(part: T): T {
    return this.#stack.use(part)
  }

  onStop(stop: () => Promise<void>): void {
    this.#stack.defer(stop)
  }

  /** Work that goes on until the signal aborts; stopping waits for its end. Watched as `watch` does. */
  background(name: string, work: Promise<void>): void {
    const watched = this.watch(name, work)
    this.onStop(() => watched)
  }

  /**
   * Stops everything and sets exit status 1 when `work` fails before stopping began: a part that died silently would lose events.
   * Gives the work as one that does not fail.
   */
  watch(name: string, work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      if (this.#controller.signal.aborted) {
        // Some work goes on for a while after stopping began; what the signal itself ended is no fault.
        if ((error as Error).name !== 'AbortError') {
          this.#logger.error({ part: name, err: error }, 'a part failed while stopping')
        }
        return
      }
      this.#logger.fatal({ part: name, err: error }, 'a part failed; stopping')
      process.exitCode = 1
      this.stop()
    })
  }

  /** Begins to stop. Disposing waits for the end. */
  stop(): void {
    this.#controller.abort()
  }

  /** SIGINT and SIGTERM begin to stop; a second one ends the process at once. */
  stopOnSignals(): void {
    const onSignal = (): void => {
      if (this.#controller.signal.aborted) process.exit(130)
      this.stop()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    this.onStop(() => {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      return Promise.resolve()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#stack.disposeAsync()
  }
}
