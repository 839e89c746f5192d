/**
 * Finds events that were sent twice. It remembers the last `capacity` events of a log by their ids, so a repeat that comes later
 * than that many entries after its first copy is sealed as if it were new. Producers retry within seconds; the default window of
 * 65,536 entries takes about 10 MB and is rebuilt from the tail of the log when it is opened.
 */
export class Duplicates {
  readonly #positions = new Map<string, number>()
  readonly #capacity: number

  constructor(capacity = 65_536) {
    this.#capacity = capacity
  }

  get capacity(): number {
    return this.#capacity
  }

  /** The position of the first copy when this event was seen already; else it is remembered under `position`. */
  note(eventId: string, position: number): number | null {
    const first = this.#positions.get(eventId)
    if (first !== undefined) return first
    if (this.#positions.size >= this.#capacity) {
      const oldest = this.#positions.keys().next()
      if (oldest.done !== true) this.#positions.delete(oldest.value)
    }
    this.#positions.set(eventId, position)
    return null
  }
}
