import { setTimeout as pause } from 'node:timers/promises'

/** Resolves after so many milliseconds, or at once when the signal aborts. */
export async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined)
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** The pause before something is tried again: twice as long each time, up to the longest. */
export class GrowingPause {
  readonly #firstMs: number
  readonly #longestMs: number
  #nextMs: number

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs
    this.#longestMs = longestMs
    this.#nextMs = firstMs
  }

  /** It went well: the next pause is the first again. */
  reset(): void {
    this.#nextMs = this.#firstMs
  }

  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs
    this.#nextMs = Math.min(ms * 2, this.#longestMs)
    await pauseUnlessAborted(ms, signal)
  }
}
