/**
 * How many requests may be under way: one more after as many good answers as there are slots, half as many when the cluster says that
 * it has too much to do.
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

  /** Runs `work` when a slot is free. Waiting is bounded by the callers: each waits for its own documents. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    while (this.#running >= this.#limit) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
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

  #wake(): void {
    for (let free = this.#limit - this.#running; free > 0; free--) this.#waiting.shift()?.()
  }
}
