import { Worker } from 'node:worker_threads'

import type { HeadRegister, SignedHead } from '../../head-register.ts'
import type { SqliteHeadRegisters } from './sqlite-head-register.ts'

export interface SwapRequest {
  readonly id: number
  readonly origin: string
  readonly expected: SignedHead | null
  readonly next: SignedHead
}

type SwapResult = Awaited<ReturnType<HeadRegister['swap']>>

export type SwapAnswer =
  | { readonly id: number; readonly result: SwapResult }
  | { readonly id: number; readonly fault: string }

interface Waiting {
  resolve(result: SwapResult): void
  reject(error: Error): void
}

/**
 * Registers whose swaps another thread makes: a swap waits for the disk several times, and SQLite makes the whole thread wait, which
 * here has the events of all partitions to seal. Reading, which waits for nothing, stays. The thread begins with the first swap.
 */
export class HeadSwaps implements AsyncDisposable {
  readonly #file: string
  readonly #registers: SqliteHeadRegisters
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #nextId = 0
  /** Settles after all before it. */
  #last: Promise<unknown> = Promise.resolve()
  #end: string | null = null

  /** `registers` are those of the file, for reading. */
  constructor(file: string, registers: SqliteHeadRegisters) {
    this.#file = file
    this.#registers = registers
  }

  of(origin: string): HeadRegister {
    const register = this.#registers.of(origin)
    return {
      read: () => register.read(),
      swap: (expected, next) => this.#swap(origin, expected, next),
    }
  }

  /** Makes the swaps that were asked for, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => undefined)
    this.#end ??= 'the ledger is closed'
    await this.#worker?.terminate()
  }

  #swap(origin: string, expected: SignedHead | null, next: SignedHead): Promise<SwapResult> {
    if (this.#end !== null) return Promise.reject(new Error(this.#end))
    const worker = (this.#worker ??= this.#begin())
    const request: SwapRequest = { id: this.#nextId++, origin, expected, next }
    const swap = new Promise<SwapResult>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject })
      // A thread without work keeps no process alive.
      worker.ref()
      worker.postMessage(request, [])
    })
    this.#last = swap
    return swap
  }

  #begin(): Worker {
    const worker = new Worker(new URL('./head-swap-thread.ts', import.meta.url), {
      workerData: this.#file,
    })
    worker.on('message', (answer: SwapAnswer) => this.#settle(answer))
    worker.on('error', (error) => this.#fail(String(error)))
    worker.on('exit', () => this.#fail('the thread that swaps heads has ended'))
    return worker
  }

  #settle(answer: SwapAnswer): void {
    const swap = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('fault' in answer) swap?.reject(new Error(answer.fault))
    else swap?.resolve(answer.result)
    if (this.#waiting.size === 0) this.#worker?.unref()
  }

  /** What was asked for may have been done or not: whoever hears of it stops. */
  #fail(reason: string): void {
    this.#end ??= reason
    for (const swap of this.#waiting.values()) swap.reject(new Error(reason))
    this.#waiting.clear()
  }
}
