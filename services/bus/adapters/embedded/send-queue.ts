import { BusError } from '../../bus.ts'
import type { EncodedBatch } from './record-batch.ts'
import type { PartitionView } from './partition-table.ts'

export interface PendingSend {
  readonly partition: PartitionView
  readonly batches: readonly EncodedBatch[]
  readonly sizeBytes: number
  resolve(baseOffset: number): void
  reject(error: BusError): void
}

export interface SendQueueLimits {
  /** Bytes that were taken and are not yet durable. One send larger than this goes alone. */
  readonly queueBytes: number
  /** How long a send waits for room before it fails with `BUS_FULL`. */
  readonly waitMs: number
  /** How many sends may wait. */
  readonly waiters: number
}

/** Sends that are not yet durable, in the order in which they came. */
export class SendQueue {
  readonly #limits: SendQueueLimits
  #usedBytes = 0
  #queued: PendingSend[] = []
  readonly #waiting = new Set<{ send: PendingSend; timer: NodeJS.Timeout }>()

  constructor(limits: SendQueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#queued.length
  }

  /** Takes the send, or lets it wait for room. */
  add(send: PendingSend): void {
    if (this.#waiting.size === 0 && this.#hasRoomFor(send)) return this.#enqueue(send)
    if (this.#waiting.size >= this.#limits.waiters) return send.reject(full())
    const waiter = {
      send,
      timer: setTimeout(() => {
        this.#waiting.delete(waiter)
        send.reject(full())
      }, this.#limits.waitMs),
    }
    this.#waiting.add(waiter)
  }

  /** The next sends, up to so many bytes, at least one where there is one. */
  take(maxBytes: number): PendingSend[] {
    let bytes = 0
    let count = 0
    for (const send of this.#queued) {
      if (count > 0 && bytes + send.sizeBytes > maxBytes) break
      bytes += send.sizeBytes
      count += 1
    }
    const taken = this.#queued.slice(0, count)
    this.#queued = this.#queued.slice(count)
    return taken
  }

  /** These are done with: others may come in. */
  release(sends: readonly PendingSend[]): void {
    for (const send of sends) this.#usedBytes -= chargeOf(send)
    for (const waiter of this.#waiting) {
      if (!this.#hasRoomFor(waiter.send)) return
      this.#waiting.delete(waiter)
      clearTimeout(waiter.timer)
      this.#enqueue(waiter.send)
    }
  }

  /** Those that wait for room are turned away; those that were taken stay. */
  rejectWaiting(error: BusError): void {
    for (const { send, timer } of this.#waiting) {
      clearTimeout(timer)
      send.reject(error)
    }
    this.#waiting.clear()
  }

  #hasRoomFor(send: PendingSend): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + chargeOf(send) <= this.#limits.queueBytes
  }

  #enqueue(send: PendingSend): void {
    this.#usedBytes += chargeOf(send)
    this.#queued.push(send)
  }
}

/** A small send costs more memory than its bytes. */
function chargeOf(send: PendingSend): number {
  return send.sizeBytes + 512
}

function full(): BusError {
  return new BusError('BUS_FULL', 'the bus takes no more: what was sent before is not written yet')
}
