import type { OpenWork, WorkStep } from './open-work.ts'
import { SeqWaiters } from './seq-waiters.ts'
import type { RecoveredSpool } from './spool-recovery.ts'

/** What of a producer's chain is on disk, and who waits for more of it. */
export class DurableHead {
  #seq: number
  #prev: Buffer
  readonly #open: OpenWork
  /** Taken and not on disk, in order. */
  #steps: WorkStep[] = []
  readonly #waiters = new SeqWaiters()

  constructor({ nextSeq, prev, open }: RecoveredSpool) {
    this.#seq = nextSeq
    this.#prev = prev
    this.#open = open
  }

  /** Numbers below are on disk. */
  get seq(): number {
    return this.#seq
  }

  /** The hash of the newest event on disk. */
  get prev(): Buffer {
    return this.#prev
  }

  /** What had begun and not ended by then. */
  get open(): OpenWork {
    return this.#open
  }

  get isAwaited(): boolean {
    return !this.#waiters.isEmpty
  }

  /** What an event begins or ends, to be counted once it is on disk. */
  add(step: WorkStep): void {
    this.#steps.push(step)
  }

  advance(seq: number, prev: Buffer): void {
    this.#seq = seq
    this.#prev = prev
    const steps = this.#steps
    const end = steps.findIndex((step) => step.seq >= seq)
    this.#steps = end < 0 ? [] : steps.slice(end)
    for (const step of end < 0 ? steps : steps.slice(0, end)) this.#open.note(step)
    this.#waiters.advance(seq)
  }

  /** Resolves when the numbers below `seq` are on disk. */
  reached(seq: number): Promise<void> {
    return this.#waiters.wait(seq)
  }

  turnAway(error: Error): void {
    this.#waiters.turnAway(error)
  }
}
