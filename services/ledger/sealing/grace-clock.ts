/** The offsets after the newest record of each partition. Rejects when the bus does not say. */
export type AskEnds = () => Promise<readonly bigint[]>

/**
 * Time that passes only while every partition is read to its end. An event of a producer may come by another partition than the one
 * before it; while that partition is behind, or the bus away, nobody can say that the event is lost.
 */
export class GraceClock {
  readonly #askEnds: AskEnds
  #nowMs = 0
  #target: readonly bigint[] | null = null

  constructor(askEnds: AskEnds) {
    this.#askEnds = askEnds
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /**
   * To be called every `everyMs`. Lets so much time pass, and says so, when everything that was on the bus when it was last asked is
   * sealed. `nextOf` gives the offset of a partition that is sealed next.
   */
  async tick(everyMs: number, nextOf: (partition: number) => bigint): Promise<boolean> {
    const target = this.#target
    if (target !== null && target.some((end, partition) => nextOf(partition) < end)) return false
    try {
      this.#target = await this.#askEnds()
    } catch {
      this.#target = null
      return false
    }
    if (target === null) return false
    this.#nowMs += everyMs
    return true
  }
}
