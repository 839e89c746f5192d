import type { Clock } from '../../runtime/clock.ts'

/** The end of a session's time, by a clock that may be set meanwhile. */
export class Expiry {
  readonly #clock: Clock
  readonly #atMs: number
  readonly #onExpired: () => void
  #timer: NodeJS.Timeout | null = null

  /** `atMs` is the clock's; `onExpired` is called whenever it is found to be over. */
  constructor(clock: Clock, atMs: number, onExpired: () => void) {
    this.#clock = clock
    this.#atMs = atMs
    this.#onExpired = onExpired
  }

  /** Looks now, and from here on, until it is over or stopped. True when it is over. */
  look(): boolean {
    this.stop()
    const leftMs = this.#atMs - this.#clock.nowMs()
    if (leftMs <= 0) {
      this.#onExpired()
      return true
    }
    this.#timer = setTimeout(() => this.look(), Math.min(leftMs, maxTimerMs))
    this.#timer.unref()
    return false
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

// Meanwhile the clock may have been set.
const maxTimerMs = 1_000
