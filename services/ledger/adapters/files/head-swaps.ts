import type { HeadRegister, SignedHead } from '../../storage/head-register.ts'
import type { SqliteHeadRegisters } from './sqlite-head-register.ts'
import { ThreadCalls } from './thread-calls.ts'

export interface SwapRequest {
  readonly origin: string
  readonly expected: SignedHead | null
  readonly next: SignedHead
}

export type SwapResult = Awaited<ReturnType<HeadRegister['swap']>>

/**
 * Registers whose swaps another thread makes: a swap waits for the disk several times, and SQLite makes the whole thread wait, which
 * here has the events of all partitions to seal. Reading, which waits for nothing, stays.
 */
export class HeadSwaps implements AsyncDisposable {
  readonly #registers: SqliteHeadRegisters
  readonly #thread: ThreadCalls<SwapRequest, SwapResult>

  /** `registers` are those of the file, for reading. */
  constructor(file: string, registers: SqliteHeadRegisters) {
    this.#registers = registers
    this.#thread = new ThreadCalls(new URL('./head-swap-thread.ts', import.meta.url), file)
  }

  of(origin: string): HeadRegister {
    const register = this.#registers.of(origin)
    return {
      read: () => register.read(),
      swap: (expected, next) => this.#thread.call({ origin, expected, next }),
    }
  }

  /** Makes the swaps that were asked for, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
