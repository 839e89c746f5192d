import type { CompiledPolicy } from './policy.ts'

/** The one policy that an edge decides by. It changes as a whole, between two decisions. */
export class PolicyInForce {
  #current: CompiledPolicy
  readonly #listeners = new Set<(policy: CompiledPolicy) => void>()

  constructor(first: CompiledPolicy) {
    this.#current = first
  }

  get current(): CompiledPolicy {
    return this.#current
  }

  replace(next: CompiledPolicy): void {
    if (next.digest === this.#current.digest) return
    this.#current = next
    for (const listener of this.#listeners) listener(next)
  }

  /** Calls `listener` with each policy that comes into force from now on. Returns what stops it. */
  onChange(listener: (policy: CompiledPolicy) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
