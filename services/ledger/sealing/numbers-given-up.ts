/** Ranges that are told apart; of more than so many the oldest are forgotten, and everything up to there counts as unknown. */
const mostRanges = 1024

/** Which numbers of a producer were seen: all from the first on, but for ranges that were given up as lost. */
export class NumbersGivenUp {
  #first: number
  readonly #ranges: { readonly from: number; readonly to: number }[] = []

  /** Nothing is known of the numbers before `first`. */
  constructor(first: number) {
    this.#first = first
  }

  /** Whether an event with this number, below the next one, was seen. */
  wasSeen(seq: number): boolean {
    return seq >= this.#first && !this.#ranges.some(({ from, to }) => from <= seq && seq <= to)
  }

  add(from: number, to: number): void {
    this.#ranges.push({ from, to })
    if (this.#ranges.length <= mostRanges) return
    this.#first = Math.max(this.#first, (this.#ranges.shift()?.to ?? 0) + 1)
  }

  /** The range that was added last is awaited again. */
  takeBack(): void {
    this.#ranges.pop()
  }
}
