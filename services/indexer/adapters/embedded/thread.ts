import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

/** What a thread does when asked: one call after the other, in the order they were made. */
export type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>

interface Request {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}

type Answer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly message: string }

/** The thread's side. */
export function answerCalls(port: MessagePort, handlers: Handlers): void {
  port.on('message', ({ id, name, args }: Request) => {
    let answer: Answer
    try {
      const handle = handlers[name] as (...args: readonly unknown[]) => unknown
      answer = { id, ok: true, result: handle(...args) }
    } catch (error) {
      answer = { id, ok: false, message: error instanceof Error ? error.message : String(error) }
    }
    port.postMessage(answer)
  })
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** What a call rejects with. `hasEnded`: the thread is gone, no call will ever succeed again. */
type Failure = (message: string, hasEnded: boolean) => Error

/** The caller's side. */
export class Thread<H extends Handlers> implements AsyncDisposable {
  readonly #worker: Worker
  readonly #fail: Failure
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #end: string | null = null

  constructor(url: URL, fail: Failure) {
    this.#fail = fail
    this.#worker = new Worker(url)
    this.#worker.on('message', (answer: Answer) => this.#settle(answer))
    this.#worker.on('error', (error) =>
      this.#stop(error instanceof Error ? error.message : String(error)),
    )
    this.#worker.on('exit', () => this.#stop('the thread has ended'))
  }

  /** Calls that are not answered yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  call<N extends keyof H & string>(name: N, ...args: Parameters<H[N]>): Promise<ReturnType<H[N]>> {
    if (this.#end !== null) return Promise.reject(this.#fail(this.#end, true))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, name, args }, [])
    })
  }

  /** Answers what was asked, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end !== null) return
    const exited = once(this.#worker, 'exit')
    await this.call('close', ...([] as unknown as Parameters<H['close']>)).catch(() => undefined)
    await Promise.all([exited, this.#worker.terminate()])
  }

  #settle(answer: Answer): void {
    const call = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.ok) call?.resolve(answer.result)
    else call?.reject(this.#fail(answer.message, false))
  }

  #stop(reason: string): void {
    this.#end ??= reason
    for (const call of this.#waiting.values()) call.reject(this.#fail(reason, true))
    this.#waiting.clear()
  }
}
