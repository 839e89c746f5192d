import type { GrowingPause } from '../../../runtime/pause.ts'
import { handOverPause } from '../../hand-over.ts'

/** A partition that this member reads, from one rebalance to the next. */
export interface Reading {
  readonly topic: string
  readonly partition: number
  /** The offset of the next record to hand over. Null until it is known where to begin. */
  next: bigint | null
  /** Before a batch is handed over again. */
  readonly retry: GrowingPause
  committedAt: number
}

/** The partitions of one generation of the group. */
export class Assignment {
  readonly #readings = new Map<string, Reading>()

  constructor(assigned: Readonly<Record<string, readonly number[]>>) {
    for (const [topic, partitions] of Object.entries(assigned)) {
      for (const partition of partitions) {
        const reading = { topic, partition, next: null, retry: handOverPause(), committedAt: 0 }
        this.#readings.set(placeOf(topic, partition), reading)
      }
    }
  }

  get readings(): readonly Reading[] {
    return [...this.#readings.values()]
  }

  of(topic: string, partition: number): Reading | undefined {
    return this.#readings.get(placeOf(topic, partition))
  }
}

export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
