/** Random bytes cut from a pool: one call of the source serves many small requests. Each byte is handed out once. */
export class RandomPool {
  readonly #source: (bytes: number) => Buffer
  readonly #poolBytes: number
  #pool: Buffer = Buffer.alloc(0)
  #used = 0

  /** The source must be unpredictable. */
  constructor(source: (bytes: number) => Buffer, poolBytes = 64 * 1024) {
    this.#source = source
    this.#poolBytes = poolBytes
  }

  /** Not written to again: the next pool is another buffer. */
  take(bytes: number): Buffer {
    if (this.#used + bytes > this.#pool.length) {
      this.#pool = this.#source(Math.max(bytes, this.#poolBytes))
      this.#used = 0
    }
    const start = this.#used
    this.#used += bytes
    return this.#pool.subarray(start, this.#used)
  }
}
