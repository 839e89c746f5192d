import type { Clock } from './clock.ts'

const everyMs = 60_000
/** Kinds that are remembered; the one that was said longest ago goes first. */
const mostKinds = 100

/** Keeps what may come very often from filling the process log: each kind of it is said once a minute. */
export class OnceAMinute {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #saidAtMs = new Map<string, number>()

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  /** Whether this kind is to be said now; it counts as said then. */
  isDue(kind: string): boolean {
    const nowMs = this.#clock.nowMs()
    const saidAtMs = this.#saidAtMs.get(kind)
    if (saidAtMs !== undefined && nowMs - saidAtMs < everyMs) return false
    this.#saidAtMs.delete(kind)
    this.#saidAtMs.set(kind, nowMs)
    const [oldest] = this.#saidAtMs.keys()
    if (this.#saidAtMs.size > mostKinds && oldest !== undefined) this.#saidAtMs.delete(oldest)
    return true
  }
}
