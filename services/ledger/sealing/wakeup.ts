/** Wakes one loop: a call of `wake` while it works is not lost. */
export class Wakeup {
  #isSet = false
  #resolve: (() => void) | null = null

  wake(): void {
    this.#isSet = true
    this.#resolve?.()
  }

  /** Resolves at the next wake, at once when there was one since the last wait, and when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isSet && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = (): void => {
        resolve()
      }
      this.#resolve = wake
      signal.addEventListener('abort', wake, { once: true })
      await promise
      signal.removeEventListener('abort', wake)
      this.#resolve = null
    }
    this.#isSet = false
  }
}
