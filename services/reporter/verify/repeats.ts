import type { Leaf } from '../../../schemas/leaf.ts'

/** The ledger looks back less far for the first copy of an event. */
const remembered = 262_144

/**
 * Whether an entry that is called a repeat is one. Repeats are no part of a population, so one that repeats nothing would be an event
 * that is left out.
 */
export class Repeats {
  readonly #first = new Map<number, string>()

  /** To be asked of every entry, in order. */
  isTrue(leaf: Leaf): boolean {
    if (leaf.type !== 'event') return true
    const { evt, prod, pseq, dupOf } = leaf
    const name = `${evt} ${prod} ${pseq}`
    if (dupOf !== undefined) return this.#first.get(dupOf) === name
    this.#first.set(leaf.seq, name)
    const [oldest] = this.#first.keys()
    if (this.#first.size > remembered && oldest !== undefined) this.#first.delete(oldest)
    return true
  }
}
