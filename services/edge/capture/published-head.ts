interface Waiter {
  readonly seq: number
  resolve(): void
  reject(error: unknown): void
}

/** What of a producer's chain the bus has acknowledged, and who waits for more of it. */
export class PublishedHead {
  #seq: number
  #count = 0
  readonly #waiters = new Set<Waiter>()

  /** Numbers below `seq` were acknowledged before. */
  constructor(seq: number) {
    this.#seq = seq
  }

  get seq(): number {
    return this.#seq
  }

  /** Events acknowledged since the start. */
  get count(): number {
    return this.#count
  }

  get isAwaited(): boolean {
    return this.#waiters.size > 0
  }

  advance(seq: number): void {
    this.#count += seq - this.#seq
    this.#seq = seq
    for (const waiter of this.#waiters) if (waiter.seq <= seq) waiter.resolve()
  }

  /** Resolves when the numbers below `seq` are acknowledged; rejects when the signal aborts first. */
  reached(seq: number, signal?: AbortSignal): Promise<void> {
    if (this.#seq >= seq) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiter.reject(
          new Error('the bus did not acknowledge the events in time', { cause: signal?.reason }),
        )
      }
      const settle = (): void => {
        signal?.removeEventListener('abort', abort)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        seq,
        resolve: () => {
          settle()
          resolve()
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  turnAway(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
