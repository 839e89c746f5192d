/** Hashes kept per producer, so that repeats and late signatures can be checked. */
const rememberedHashes = 4096
/** Room that a producer gets at first; it doubles as it fills. Both are powers of two. */
const fewHashes = 16
const hashBytes = 32

/**
 * The last hashes by their numbers, in a ring of bytes: strings that live this long are copied and walked through by the garbage
 * collector again and again.
 */
export class RememberedHashes {
  readonly #first: number
  readonly #numbers: number[] = []
  #hashes = Buffer.alloc(fewHashes * hashBytes)

  constructor(first: number) {
    this.#first = first
  }

  /** Numbers rise. */
  add(number: number, hash: string): void {
    const slot = (number - this.#first) % rememberedHashes
    // Numbers that were given up leave no holes.
    while (this.#numbers.length < slot) this.#numbers.push(-1)
    this.#numbers[slot] = number
    const at = slot * hashBytes
    while (at >= this.#hashes.length) {
      this.#hashes = Buffer.concat([this.#hashes, Buffer.alloc(this.#hashes.length)])
    }
    this.#hashes.write(hash, at, 'latin1')
  }

  get(number: number): string | undefined {
    const slot = (number - this.#first) % rememberedHashes
    if (this.#numbers[slot] !== number) return undefined
    return this.#hashes.toString('latin1', slot * hashBytes, (slot + 1) * hashBytes)
  }
}
