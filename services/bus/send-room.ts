import { BusError } from './bus.ts'

export interface SendRoomLimits {
  /** Bytes that were taken and are not yet durable. One send larger than this goes alone. */
  readonly queueBytes: number
  /** How long a send waits for room before it fails with `BUS_FULL`. */
  readonly waitMs: number
  /** How many sends may wait. */
  readonly waiters: number
}

interface Waiter {
  readonly sizeBytes: number
  readonly admit: () => void
  readonly refuse: (error: BusError) => void
  readonly timer: NodeJS.Timeout
}

/** The memory that sends may take until they are durable. Whoever finds none waits a while, in order. */
export class SendRoom {
  readonly #limits: SendRoomLimits
  #usedBytes = 0
  readonly #waiting = new Set<Waiter>()

  constructor(limits: SendRoomLimits) {
    this.#limits = limits
  }

  /** Calls `admit` at once or when there is room, else `refuse`. What was admitted has to `leave`. */
  enter(sizeBytes: number, admit: () => void, refuse: (error: BusError) => void): void {
    if (this.#waiting.size === 0 && this.#hasRoomFor(sizeBytes)) {
      this.#usedBytes += chargeOf(sizeBytes)
      return admit()
    }
    if (this.#waiting.size >= this.#limits.waiters) return refuse(full())
    const timer = setTimeout(() => {
      this.#waiting.delete(waiter)
      refuse(full())
    }, this.#limits.waitMs)
    const waiter: Waiter = { sizeBytes, admit, refuse, timer }
    this.#waiting.add(waiter)
  }

  /** Sends of these sizes are done with: others may come in. */
  leave(sizes: readonly number[]): void {
    for (const sizeBytes of sizes) this.#usedBytes -= chargeOf(sizeBytes)
    for (const waiter of this.#waiting) {
      if (!this.#hasRoomFor(waiter.sizeBytes)) return
      this.#waiting.delete(waiter)
      clearTimeout(waiter.timer)
      this.#usedBytes += chargeOf(waiter.sizeBytes)
      waiter.admit()
    }
  }

  /** Those that wait for room are turned away; those that were taken stay. */
  rejectWaiting(error: BusError): void {
    for (const { refuse, timer } of this.#waiting) {
      clearTimeout(timer)
      refuse(error)
    }
    this.#waiting.clear()
  }

  #hasRoomFor(sizeBytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + chargeOf(sizeBytes) <= this.#limits.queueBytes
  }
}

/** A small send costs more memory than its bytes. */
function chargeOf(sizeBytes: number): number {
  return sizeBytes + 512
}

function full(): BusError {
  return new BusError('BUS_FULL', 'the bus takes no more: what was sent before is not written yet')
}
