/** One declaration of a name. `value` is null where the name was dropped. */
export interface Declaration<T> {
  readonly name: string
  readonly value: T | null
  readonly batch: number
  /** What the name stood for before, while the target may still refuse this declaration. */
  before: Declaration<T> | null
  isSettled: boolean
  /** How often code of users had run before. */
  readonly round: number
}

/**
 * Prepared statements or portals by name, as they will be at the target once it has worked off what is in flight. A name is
 * settled when the target has confirmed it. Two things cannot be foreseen and are waited for by the caller: a name used after
 * a Sync behind which its declaration may have failed, and a living name declared anew, which the target may refuse.
 */
export class Namespace<T> {
  readonly #names = new Map<string, Declaration<T>>()
  #round = 0

  get size(): number {
    return this.#names.size
  }

  get(name: string): T | null {
    return this.#names.get(name)?.value ?? null
  }

  /** True when `name` was declared or dropped in an earlier batch whose outcome is not known yet. */
  isUncertain(name: string, batch: number): boolean {
    const declaration = this.#names.get(name)
    return declaration !== undefined && !declaration.isSettled && declaration.batch !== batch
  }

  /** Code of users runs: it may drop what has a name, and give the name to something else. */
  doubt(): void {
    this.#round++
  }

  /** True when code of users may have run since `name` was declared. No SQL reaches what has no name. */
  isDoubtful(name: string): boolean {
    const declaration = this.#names.get(name)
    return name !== '' && declaration !== undefined && declaration.round !== this.#round
  }

  declare(name: string, value: T | null, batch: number): Declaration<T> {
    const before = this.#names.get(name) ?? null
    const declaration = { name, value, batch, before, isSettled: false, round: this.#round }
    this.#names.set(name, declaration)
    return declaration
  }

  /** The target confirmed the declaration or the drop. */
  settle(declaration: Declaration<T>): void {
    declaration.isSettled = true
    declaration.before = null
    if (declaration.value !== null) return
    if (this.#names.get(declaration.name) === declaration) this.#names.delete(declaration.name)
  }

  /** The target refused or skipped it: what was there before is there still. */
  revert(declaration: Declaration<T>): void {
    let newest = this.#names.get(declaration.name) ?? null
    if (newest === declaration) {
      if (declaration.before === null) this.#names.delete(declaration.name)
      else this.#names.set(declaration.name, declaration.before)
      return
    }
    for (; newest !== null; newest = newest.before) {
      if (newest.before === declaration) newest.before = declaration.before
    }
  }

  /** Forgets at once, for names that SQL may have changed: using them through the protocol is then refused. */
  forget(name: string | null): void {
    if (name === null) this.#names.clear()
    else this.#names.delete(name)
  }

  /** Forgets what was declared up to this batch: portals end with their transaction. */
  endTransaction(batch: number): void {
    for (const [name, declaration] of this.#names) {
      if (declaration.batch <= batch) this.#names.delete(name)
      else declaration.before = null
    }
  }
}
