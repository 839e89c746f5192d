/** What was read, and a mark that the target had before, and has only for as long as reading again would give the same. */
export interface Reading<T> {
  readonly value: T
  readonly mark?: string
}

export interface KeptSnapshotOptions<T> {
  /** Reads what is kept; throws where it cannot. */
  readonly read: (signal: AbortSignal) => Promise<Reading<T>>
  /** Asks for the mark alone, which costs little. Missing: nobody looks between two readings. Throws where it cannot. */
  readonly look?: (signal: AbortSignal) => Promise<string>
  /** Whether another reading says the same: then the object that is there stays. Missing: never. */
  readonly isSame?: (one: T, other: T) => boolean
  /** The first time that it cannot be read, and again once it could be meanwhile. */
  readonly onFailure: (error: unknown) => void
  /** How often it is read, changed or not. Default 30 s. */
  readonly refreshMs?: number | undefined
  /** How often it is looked whether it has changed. Default 0.5 s. */
  readonly lookMs?: number | undefined
  /** How long a snapshot counts that could be neither read again nor looked at. Default three refreshes. */
  readonly staleMs?: number | undefined
}

/** `failing`: it cannot be read now, and the last one counts for a while; `missing`: none counts. */
export type SnapshotState = 'sound' | 'failing' | 'missing'

const leastMs = 1_000
const longestReadMs = 60_000
/** A pause between looks is at least so many times as long as what came before it took: a big catalog is looked at less often. */
const pauseFactor = 4
const longestPauseMs = 3_000

/**
 * Something of a target's catalog as it is now, read again and again, at once where a look finds it changed. While it cannot be read
 * the last snapshot counts for a while, then none does.
 */
export class KeptSnapshot<T extends object> {
  readonly #options: KeptSnapshotOptions<T>
  readonly #refreshMs: number
  readonly #lookMs: number
  readonly #staleMs: number
  #snapshot: T | null = null
  #mark: string | null = null
  /** When the last reading or look began that found the snapshot to be what there is; before the first, when this was made. */
  #soundAtMs = performance.now()
  /** Of the readings since the last one that did not fail. */
  #failures = 0
  #isAsked = false
  #isChanged = false
  #wake: (() => void) | null = null

  constructor(options: KeptSnapshotOptions<T>) {
    this.#options = options
    this.#refreshMs = options.refreshMs ?? 30_000
    this.#lookMs = options.lookMs ?? 500
    this.#staleMs = options.staleMs ?? 3 * this.#refreshMs
  }

  /** Null where it cannot be read. */
  get current(): T | null {
    return this.#isYoung ? this.#snapshot : null
  }

  get state(): SnapshotState {
    const isMissing = this.#snapshot === null && this.#failures > 0
    if (isMissing || !this.#isYoung) return 'missing'
    return this.#failures > 0 ? 'failing' : 'sound'
  }

  get #isYoung(): boolean {
    return performance.now() - this.#soundAtMs <= this.#staleMs
  }

  /** The snapshot does not know something that the target has: it is read again, within a second. */
  refreshSoon(): void {
    this.#isAsked = true
    this.#wake?.()
  }

  /** The catalog has changed: it is read again at once, or once more when it is being read. */
  refreshNow(): void {
    this.#isChanged = true
    this.#wake?.()
  }

  /** Reads once. Throws what `read` throws. */
  async refresh(signal: AbortSignal): Promise<void> {
    const startedMs = performance.now()
    const { value, mark = null } = await this.#options.read(signal)
    // One that was begun later has been read meanwhile.
    if (this.#snapshot !== null && startedMs < this.#soundAtMs) return
    const before = this.#snapshot
    this.#snapshot =
      before !== null && this.#options.isSame?.(before, value) === true ? before : value
    this.#mark = mark
    this.#soundAtMs = startedMs
    this.#failures = 0
  }

  /** Keeps the snapshot fresh until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    while (!isAborted(signal)) {
      const startedMs = performance.now()
      this.#isAsked = false
      this.#isChanged = false
      try {
        await this.refresh(AbortSignal.any([signal, AbortSignal.timeout(longestReadMs)]))
      } catch (error) {
        if (isAborted(signal)) return
        this.#failures += 1
        if (this.#failures === 1) this.#options.onFailure(error)
      }
      await this.#untilDue(signal, performance.now() - startedMs)
    }
  }

  /** Until it is to be read again. `readMs`: how long reading took. */
  async #untilDue(signal: AbortSignal, readMs: number): Promise<void> {
    const fromMs = performance.now()
    let lookAtMs = this.#failures > 0 ? Infinity : fromMs + this.#pauseAfter(readMs)
    while (!isAborted(signal) && !this.#isChanged) {
      const nowMs = performance.now()
      const dueAtMs = fromMs + this.#waitMs()
      if (nowMs >= dueAtMs) return
      if (nowMs < lookAtMs) {
        await this.#sleep(Math.min(dueAtMs, lookAtMs) - nowMs)
      } else if (await this.#isAsItWas(signal)) {
        lookAtMs = performance.now() + this.#pauseAfter(performance.now() - nowMs)
      } else return
    }
  }

  #waitMs(): number {
    const soonMs = Math.min(leastMs, this.#refreshMs)
    if (this.#failures > 0) return Math.min(soonMs * 2 ** (this.#failures - 1), this.#refreshMs)
    return this.#isAsked ? soonMs : this.#refreshMs
  }

  #pauseAfter(tookMs: number): number {
    if (this.#options.look === undefined) return Infinity
    return Math.max(this.#lookMs, Math.min(pauseFactor * tookMs, longestPauseMs))
  }

  /** What a failing look would say, the reading after it says. */
  async #isAsItWas(signal: AbortSignal): Promise<boolean> {
    const startedMs = performance.now()
    const mark = await this.#options.look?.(signal).catch(() => null)
    if (mark == null || mark !== this.#mark) return false
    this.#soundAtMs = startedMs
    return true
  }

  /** Until then, or until it is woken. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}

// As a call: a condition is not narrowed over an await.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
