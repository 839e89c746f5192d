import type { EventContext } from './event.ts'

/**
 * Contexts by their bytes. All events of a session carry the same ones: they are decoded once and shared, so that whoever makes more of
 * a context can tell by its identity that it was there before. Bounded, by number and by size; the oldest leave.
 */
export class KnownContexts {
  readonly #decode: (bytes: Buffer) => EventContext
  readonly #most: number
  readonly #known = new Map<string, EventContext>()

  constructor(decode: (bytes: Buffer) => EventContext, most: number) {
    this.#decode = decode
    this.#most = most
  }

  /** The context whose bytes these are, from `from` to `to`. */
  of(bytes: Buffer, from: number, to: number): EventContext {
    if (to - from > mostBytes) return this.#decode(bytes.subarray(from, to))
    const name = bytes.toString('latin1', from, to)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const context = this.#decode(bytes.subarray(from, to))
    if (this.#known.size >= this.#most) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(name, context)
    return context
  }
}

const mostBytes = 4_096
