import { randomFillSync } from 'node:crypto'

/** Random bytes cut from a pool: one call of the generator serves many small requests. Each byte is handed out once. */
export class RandomPool {
  readonly #pool: Buffer
  #used: number

  constructor(poolBytes = 16 * 1024) {
    this.#pool = Buffer.alloc(poolBytes)
    this.#used = poolBytes
  }

  /** A copy, so that refilling the pool does not change it. */
  take(bytes: number): Buffer {
    if (this.#used + bytes > this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const start = this.#used
    this.#used += bytes
    return Buffer.from(this.#pool.subarray(start, this.#used))
  }
}
