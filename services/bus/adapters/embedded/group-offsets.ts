import type { GroupOffset } from './bus-file.ts'

/**
 * The committed offsets of all groups. The memory is what readers go by; what changed is written along with the next
 * append or a little later. A crash in between means that some records are handed over again.
 */
export class GroupOffsets {
  readonly #known = new Map<string, GroupOffset>()
  #changed = new Map<string, GroupOffset>()

  constructor(stored: readonly GroupOffset[]) {
    for (const offset of stored) this.#known.set(nameOf(offset), offset)
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  get(group: string, topic: string, partition: number): number | undefined {
    return this.#known.get(nameOf({ group, topic, partition }))?.next
  }

  set(offset: GroupOffset): void {
    const name = nameOf(offset)
    this.#known.set(name, offset)
    this.#changed.set(name, offset)
  }

  takeChanges(): readonly GroupOffset[] {
    const taken = [...this.#changed.values()]
    this.#changed = new Map()
    return taken
  }

  /** They could not be written: they count as changed again, as far as they are still the newest. */
  returnChanges(taken: readonly GroupOffset[]): void {
    for (const { group, topic, partition } of taken) {
      const name = nameOf({ group, topic, partition })
      const newest = this.#known.get(name)
      if (newest !== undefined) this.#changed.set(name, newest)
    }
  }
}

function nameOf(offset: { group: string; topic: string; partition: number }): string {
  return JSON.stringify([offset.group, offset.topic, offset.partition])
}
