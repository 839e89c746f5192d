/**
 * How many pieces of work may be under way: one more after as many good answers as there are slots, half as many when whoever does it
 * says that it has too much to do. The others wait in the order they came.
 */
export class Concurrency {
  readonly #max: number
  #limit: number
  #running = 0
  #good = 0
  readonly #waiting: (() => void)[] = []

  constructor(start: number, max: number) {
    this.#limit = start
    this.#max = max
  }

  get limit(): number {
    return this.#limit
  }

  /**
   * Runs `work` when a slot is free. Waiting is bounded by the callers: each waits for its own documents. Rejects with the signal's
   * reason when it aborts before there is one.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    while (this.#running >= this.#limit) {
      signal?.throwIfAborted()
      await this.#turn(signal)
    }
    if (signal?.aborted === true) {
      // Whoever woke this one meant somebody to go on.
      this.#wake()
      signal.throwIfAborted()
    }
    this.#running += 1
    try {
      return await work()
    } finally {
      this.#running -= 1
      this.#wake()
    }
  }

  succeeded(): void {
    this.#good += 1
    if (this.#good < this.#limit || this.#limit >= this.#max) return
    this.#good = 0
    this.#limit += 1
    this.#wake()
  }

  overloaded(): void {
    this.#good = 0
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#waiting.push(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await promise
    signal?.removeEventListener('abort', wake)
    const at = this.#waiting.indexOf(wake)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  #wake(): void {
    for (let free = this.#limit - this.#running; free > 0; free--) this.#waiting.shift()?.()
  }
}
