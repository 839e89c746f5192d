/**
 * The input that a fuzzing thread is at, in memory that the thread which watches it sees too: of a thread that hangs or runs out
 * of memory nothing else can be had.
 */
export class WatchedInput {
  /** The number of the input, then its length. */
  readonly #state: Int32Array
  readonly #bytes: Uint8Array

  constructor(shared: SharedArrayBuffer) {
    this.#state = new Int32Array(shared, 0, 2)
    this.#bytes = new Uint8Array(shared, headBytes)
  }

  static share(): SharedArrayBuffer {
    return new SharedArrayBuffer(headBytes + mostBytes)
  }

  begin(input: Buffer): void {
    const length = Math.min(input.length, mostBytes)
    this.#bytes.set(length === input.length ? input : input.subarray(0, length))
    Atomics.store(this.#state, 1, length)
    Atomics.add(this.#state, 0, 1)
  }

  get number(): number {
    return Atomics.load(this.#state, 0)
  }

  get input(): Buffer {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#state, 1)))
  }
}

const headBytes = 8
const mostBytes = 64 * 1024
