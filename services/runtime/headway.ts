import type { PartHealth } from './health.ts'

export interface HeadwayOptions {
  /** What is counted, in the plural: `records on the bus`. */
  readonly things: string
  /** What becomes of them: `sealed`. */
  readonly done: string
  /** How long nothing may happen while something waits. */
  readonly graceMs?: number
}

/** Tells work that is behind and comes on from work that stands still. */
export class Headway {
  readonly #options: HeadwayOptions
  #waiting: number | null = 0
  #done: number | bigint = 0
  #movedAtMs: number | null = null

  constructor(options: HeadwayOptions) {
    this.#options = options
  }

  /** As read now: how many wait, null when nobody could say, and anything that grows as they are done. */
  observe(waiting: number | null, done: number | bigint, nowMs: number): void {
    if (this.#movedAtMs === null || waiting === 0 || (waiting !== null && done !== this.#done)) {
      this.#movedAtMs = nowMs
    }
    this.#waiting = waiting
    this.#done = done
  }

  health(nowMs: number): PartHealth {
    const { things, done, graceMs = 30_000 } = this.#options
    if (this.#movedAtMs === null) return { state: 'ok' }
    const stillMs = nowMs - this.#movedAtMs
    if (this.#waiting === 0 || stillMs < graceMs) return { state: 'ok' }
    const what =
      this.#waiting === null
        ? `how many ${things} wait cannot be asked`
        : `${this.#waiting.toLocaleString('en')} ${things} wait and none was ${done}`
    return { state: 'degraded', reason: `${what} for ${Math.floor(stillMs / 1000)} s` }
  }
}
