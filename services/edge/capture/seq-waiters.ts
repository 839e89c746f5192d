interface Waiter {
  readonly seq: number
  resolve(value: undefined): void
  reject(error: unknown): void
}

/** Those who wait for a producer's chain to come to a number: on the disk, or on the bus. */
export class SeqWaiters {
  readonly #waiters = new Set<Waiter>()

  get isEmpty(): boolean {
    return this.#waiters.size === 0
  }

  /** Resolves with the first `advance` to `seq` or beyond; rejects when turned away, or with the signal's reason. */
  wait(seq: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const waiter: Waiter = { seq, resolve, reject }
    this.#waiters.add(waiter)
    if (signal === undefined) return promise
    const abort = (): void => {
      if (this.#waiters.delete(waiter)) reject(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    return promise.finally(() => {
      signal.removeEventListener('abort', abort)
    })
  }

  advance(seq: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.seq <= seq && this.#waiters.delete(waiter)) waiter.resolve(undefined)
    }
  }

  turnAway(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
