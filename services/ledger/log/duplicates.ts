import { PositionTable } from './position-table.ts'

/**
 * Finds events that were sent twice. It remembers at least the last `capacity` events of a log by their ids, so a repeat that comes
 * much later after its first copy is sealed as if it were new. Producers retry within seconds; the default window of 65,536 entries
 * takes up to 6 MB and is rebuilt from the tail of the log when it is opened.
 *
 * Two generations, of which the older is forgotten as a whole.
 */
export class Duplicates {
  readonly #capacity: number
  #young = new PositionTable()
  #old = new PositionTable()

  constructor(capacity = 65_536) {
    this.#capacity = capacity
  }

  get capacity(): number {
    return this.#capacity
  }

  /** The position of the first copy when this event was seen already; else it is remembered under `position`. */
  note(eventId: string, position: number): number | null {
    const first = this.#young.get(eventId) ?? this.#old.get(eventId)
    if (first !== undefined) return first
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young
      this.#young = new PositionTable()
    }
    this.#young.add(eventId, position)
    return null
  }
}
