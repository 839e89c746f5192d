/** Counts how often one of the snapshots of several targets has become another object, or none. */
export class SnapshotVersions<T> {
  readonly #targets: ReadonlyMap<string, T>
  readonly #snapshotOf: (target: T) => object | null
  #seen: readonly (object | null)[] = []
  #version = 0

  constructor(targets: ReadonlyMap<string, T>, snapshotOf: (target: T) => object | null) {
    this.#targets = targets
    this.#snapshotOf = snapshotOf
  }

  /** Another number when one of them is another. Asked for each statement: nothing is allocated as long as nothing changed. */
  get version(): number {
    let index = 0
    for (const target of this.#targets.values()) {
      if (this.#snapshotOf(target) === this.#seen[index++]) continue
      this.#seen = Array.from(this.#targets.values(), this.#snapshotOf)
      this.#version += 1
      break
    }
    return this.#version
  }
}
