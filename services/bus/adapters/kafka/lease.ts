/**
 * For how long a member of a group may take itself for one: a little less than the coordinator waits for its next heartbeat.
 * The time it spent asleep counts, whichever clock notices.
 */
export class Lease {
  readonly #leaseMs: number
  #monotonic = 0
  #wall = 0

  constructor(sessionTimeoutMs: number) {
    this.#leaseMs = (sessionTimeoutMs * 3) / 4
    this.renew()
  }

  /** The coordinator has answered. */
  renew(): void {
    this.#monotonic = performance.now()
    this.#wall = Date.now()
  }

  get isOver(): boolean {
    const sinceMs = Math.max(performance.now() - this.#monotonic, Date.now() - this.#wall)
    return sinceMs > this.#leaseMs
  }
}
