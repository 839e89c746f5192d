import type { BusError } from '../../bus.ts'

/** Records that go in one request, in order. */
export interface QueuedSend {
  /** Their bodies, see `record-batch.ts`. */
  readonly records: readonly Buffer[]
  readonly sizeBytes: number
  /** When the sender stops to wait, by the process's own clock. */
  readonly expiresAt: number
  resolve(baseOffset: bigint): void
  reject(error: BusError): void
  /** Once, when nothing of it is held any more. */
  release(): void
}

/** Sends records in one request. Resolves with the offset of the first. */
export type Transmit = (records: readonly Buffer[]) => Promise<bigint>

/**
 * The sends of one partition. One request is in flight; what comes meanwhile goes together in the next one, so requests grow
 * with the load and the order stays.
 */
export class PartitionQueue {
  readonly #transmit: Transmit
  readonly #maxBytes: number
  #waiting: QueuedSend[] = []
  #inFlight: readonly QueuedSend[] = []
  #draining: Promise<void> | null = null

  constructor(maxBytes: number, transmit: Transmit) {
    this.#maxBytes = maxBytes
    this.#transmit = transmit
  }

  add(send: QueuedSend): void {
    this.#waiting.push(send)
    this.#draining ??= this.#drain()
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    await this.#draining
  }

  /**
   * Tells senders that waited too long. What is in flight may still be written, so the next request of the partition goes on
   * waiting for it: order stays even then.
   */
  expire(now: number, error: (send: QueuedSend) => BusError): void {
    for (const send of this.#inFlight) if (send.expiresAt <= now) send.reject(error(send))
    if (!this.#waiting.some(({ expiresAt }) => expiresAt <= now)) return
    const expired = this.#waiting.filter(({ expiresAt }) => expiresAt <= now)
    this.#waiting = this.#waiting.filter(({ expiresAt }) => expiresAt > now)
    for (const send of expired) {
      send.reject(error(send))
      send.release()
    }
  }

  async #drain(): Promise<void> {
    // What is sent in this turn of the event loop goes into one request.
    await nextTurn()
    while (this.#waiting.length > 0) {
      const sends = this.#take()
      this.#inFlight = sends
      try {
        let offset = await this.#transmit(sends.flatMap(({ records }) => records))
        for (const send of sends) {
          send.resolve(offset)
          offset += BigInt(send.records.length)
        }
      } catch (error) {
        for (const send of sends) send.reject(error as BusError)
      }
      this.#inFlight = []
      for (const send of sends) send.release()
    }
    // In the same turn in which nothing was waiting: who was told just now may add the next send before anything else runs.
    this.#draining = null
  }

  #take(): readonly QueuedSend[] {
    let bytes = 0
    let count = 0
    for (const send of this.#waiting) {
      if (count > 0 && bytes + send.sizeBytes > this.#maxBytes) break
      bytes += send.sizeBytes
      count += 1
    }
    const taken = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return taken
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
