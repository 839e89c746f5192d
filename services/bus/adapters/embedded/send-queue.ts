import type { BusError } from '../../bus.ts'
import { SendRoom, type SendRoomLimits } from '../../send-room.ts'
import type { EncodedBatch } from './record-batch.ts'
import type { PartitionView } from './partition-table.ts'

export interface PendingSend {
  readonly partition: PartitionView
  readonly batches: readonly EncodedBatch[]
  readonly sizeBytes: number
  resolve(baseOffset: number): void
  reject(error: BusError): void
}

/** Sends that are not yet durable, in the order in which they came. */
export class SendQueue {
  readonly #room: SendRoom
  #queued: PendingSend[] = []

  constructor(limits: SendRoomLimits) {
    this.#room = new SendRoom(limits)
  }

  get length(): number {
    return this.#queued.length
  }

  /** Takes the send, or lets it wait for room. */
  add(send: PendingSend): void {
    this.#room.enter(
      send.sizeBytes,
      () => this.#queued.push(send),
      (error) => send.reject(error),
    )
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
    this.#room.leave(sends.map(({ sizeBytes }) => sizeBytes))
  }

  /** Those that wait for room are turned away; those that were taken stay. */
  rejectWaiting(error: BusError): void {
    this.#room.rejectWaiting(error)
  }
}
