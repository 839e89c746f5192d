import { SeqWaiters } from './seq-waiters.ts'

/** What of a producer's chain the bus has acknowledged, and who waits for more of it. */
export class PublishedHead {
  #seq: number
  #count = 0
  readonly #waiters = new SeqWaiters()

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
    return !this.#waiters.isEmpty
  }

  advance(seq: number): void {
    this.#count += seq - this.#seq
    this.#seq = seq
    this.#waiters.advance(seq)
  }

  /** Resolves when the numbers below `seq` are acknowledged; rejects when the signal aborts first. */
  async reached(seq: number, signal?: AbortSignal): Promise<void> {
    if (this.#seq >= seq) return
    try {
      await this.#waiters.wait(seq, signal)
    } catch (cause) {
      if (signal?.aborted !== true) throw cause
      throw new Error('the bus did not acknowledge the events in time', { cause })
    }
  }

  turnAway(error: unknown): void {
    this.#waiters.turnAway(error)
  }
}
