/** What was done in a transaction that is not over, and where its savepoints lie. */
export class OpenTransaction {
  /** It is the one of a text of several statements, which ends with the text. */
  isImplicit: boolean
  #works: Work[] = []
  /** The newest last. `at`: how much was done before it. */
  #savepoints: { readonly name: string | null; readonly at: number }[] = []
  /** Which savepoints there are is not known any more. */
  #isLost = false

  constructor(isImplicit = false) {
    this.isImplicit = isImplicit
  }

  get works(): readonly Work[] {
    return this.#works
  }

  work(id: string): void {
    this.#works.push({ id, isDoubtful: false })
  }

  /** Returns the requests of which something was undone. A name that is null cannot be compared. */
  atSavepoint(
    does: 'savepoint' | 'release' | 'rollback_to',
    name: string | null,
  ): readonly string[] {
    if (does === 'savepoint') {
      this.#savepoints.push({ name, at: this.#works.length })
      return []
    }
    const place = this.#savepoints.findLastIndex((each) => each.name === name)
    const isKnown =
      name !== null &&
      !this.#isLost &&
      this.#savepoints.every((each, index) => each.name !== null || index < place)
    if (!isKnown) {
      this.#isLost = true
      if (does === 'rollback_to') {
        this.#works = this.#works.map(({ id }) => ({ id, isDoubtful: true }))
      }
      return []
    }
    // One that is not among them was set before anything that is known here.
    const { at } = this.#savepoints[place] ?? { at: 0 }
    this.#savepoints.splice(does === 'release' ? Math.max(place, 0) : place + 1)
    if (does === 'release') return []
    return this.#works.splice(at).map(({ id }) => id)
  }
}

interface Work {
  readonly id: string
  /** It was perhaps rolled back to a savepoint before it. */
  readonly isDoubtful: boolean
}
