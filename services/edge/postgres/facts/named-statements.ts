import type { NamedFacts } from './mentions.ts'

/** What a statement does to names that SQL shares with the extended protocol. A null name means all of them. */
export interface NameChange {
  readonly of: 'statement' | 'portal'
  readonly name: string | null
}

/** What earlier messages of the session gave a name to; null for a name that they did not. */
export interface SessionNames {
  readonly resolvePrepared?: (name: string) => NamedFacts | null
  readonly resolveCursor?: (name: string) => NamedFacts | null
}

/** What the statements of one message name, rename and drop: prepared statements and cursors. */
export class NamedStatements {
  readonly changes: NameChange[] = []
  readonly prepared = new Map<string, NamedFacts>()
  readonly cursors = new Map<string, NamedFacts>()
  /** True where a name is asked for that this message does not give itself: what runs is said elsewhere. */
  refersToOthers = false
  readonly #session: SessionNames

  constructor(session: SessionNames) {
    this.#session = session
  }

  /** What a name stands for here, by this message or an earlier one; null where neither says. */
  find(of: NameChange['of'], name: string): NamedFacts | null {
    const own = this.#known(of).get(name)
    if (own !== undefined) return own
    this.refersToOthers = true
    const { resolvePrepared, resolveCursor } = this.#session
    return (of === 'statement' ? resolvePrepared?.(name) : resolveCursor?.(name)) ?? null
  }

  declare(of: NameChange['of'], name: string, facts: NamedFacts): void {
    this.#known(of).set(name, facts)
    this.changes.push({ of, name })
  }

  /** Drops a prepared statement, or what the grammar leaves without a name: all of them. */
  deallocate(name: unknown): void {
    if (typeof name === 'string') this.prepared.delete(name)
    else this.prepared.clear()
    this.#change('statement', name)
  }

  close(name: unknown): void {
    this.#change('portal', name)
  }

  discard(): void {
    this.deallocate(undefined)
    this.close(undefined)
  }

  #change(of: NameChange['of'], name: unknown): void {
    this.changes.push({ of, name: typeof name === 'string' ? name : null })
  }

  #known(of: NameChange['of']): Map<string, NamedFacts> {
    return of === 'statement' ? this.prepared : this.cursors
  }
}
