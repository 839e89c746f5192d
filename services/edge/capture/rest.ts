/** A pause that others may end early. One at a time. */
export class Rest {
  #end: (() => void) | null = null

  /** Resolves after so many milliseconds, or when the signal aborts or `end` is called. */
  take(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve()
        return
      }
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#end = null
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      this.#end = done
    })
  }

  end(): void {
    this.#end?.()
  }
}
