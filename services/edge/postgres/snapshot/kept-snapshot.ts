import { setTimeout as pause } from 'node:timers/promises'

export interface KeptSnapshotOptions<T> {
  /** Reads what is kept; throws where it cannot. */
  readonly read: (signal: AbortSignal) => Promise<T>
  /** Whether another reading says the same: then the object that is there stays. Missing: never. */
  readonly isSame?: (one: T, other: T) => boolean
  readonly onFailure: (error: unknown) => void
  /** How old a snapshot may become. Default 30 s. */
  readonly refreshMs?: number | undefined
}

/** `failing`: it cannot be read now, and the last one counts for a while; `missing`: none counts. */
export type SnapshotState = 'sound' | 'failing' | 'missing'

const leastMs = 1_000

/**
 * Something of a target's catalog as it is now, read again and again. While it cannot be read the last snapshot counts for as
 * long as it is no older than three refreshes, then none does.
 */
export class KeptSnapshot<T extends object> {
  readonly #options: KeptSnapshotOptions<T>
  readonly #refreshMs: number
  #snapshot: T | null = null
  /** Of the last snapshot; before the first, when it was begun. */
  #readAtMs = performance.now()
  /** Whether the last reading failed. */
  #isUnreadable = false
  #wake: (() => void) | null = null
  #isAsked = false
  #isChanged = false
  #wakeChanged: (() => void) | null = null

  constructor(options: KeptSnapshotOptions<T>) {
    this.#options = options
    this.#refreshMs = options.refreshMs ?? 30_000
  }

  /** Null where it cannot be read. */
  get current(): T | null {
    return this.#isYoung ? this.#snapshot : null
  }

  get state(): SnapshotState {
    const isMissing = this.#snapshot === null && this.#isUnreadable
    if (isMissing || !this.#isYoung) return 'missing'
    return this.#isUnreadable ? 'failing' : 'sound'
  }

  /** Whether it was read, or begun, within the last three refreshes. */
  get #isYoung(): boolean {
    return performance.now() - this.#readAtMs <= 3 * this.#refreshMs
  }

  /** The snapshot does not know something that the target has: it is read again, within a second. */
  refreshSoon(): void {
    this.#isAsked = true
    this.#wake?.()
  }

  /** The catalog has changed: it is read again at once, or once more when it is being read. */
  refreshNow(): void {
    this.#isChanged = true
    this.#wakeChanged?.()
  }

  /** Reads once. Throws what `read` throws. */
  async refresh(signal: AbortSignal): Promise<void> {
    const startedMs = performance.now()
    const read = await this.#options.read(signal)
    const before = this.#snapshot
    this.#snapshot =
      before !== null && this.#options.isSame?.(before, read) === true ? before : read
    this.#readAtMs = startedMs
    this.#isUnreadable = false
  }

  /** Keeps the snapshot fresh until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    for (;;) {
      try {
        this.#isAsked = false
        this.#isChanged = false
        await this.refresh(signal)
      } catch (error) {
        if (isAborted(signal)) return
        this.#isUnreadable = true
        this.#options.onFailure(error)
      }
      const timer = new AbortController()
      await Promise.race([
        this.#due(AbortSignal.any([signal, timer.signal])),
        this.#changed(),
        stopped,
      ])
      timer.abort()
      this.#wakeChanged = null
      if (isAborted(signal)) return
    }
  }

  #changed(): Promise<void> {
    if (this.#isChanged) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wakeChanged = resolve
    })
  }

  /** Until it is asked for, and then no sooner than a second after the last time. */
  async #due(signal: AbortSignal): Promise<void> {
    await pause(Math.min(leastMs, this.#refreshMs), undefined, { signal }).catch(() => undefined)
    if (this.#isAsked) return
    const asked = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const rest = Math.max(0, this.#refreshMs - leastMs)
    const timer = new AbortController()
    const waited = pause(rest, undefined, { signal: AbortSignal.any([signal, timer.signal]) })
    await Promise.race([asked, waited.catch(() => undefined)])
    timer.abort()
    this.#wake = null
  }
}

// As a call: a condition is not narrowed over an await.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
