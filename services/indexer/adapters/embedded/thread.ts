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
  | {
      readonly id: number
      readonly ok: false
      readonly message: string
      readonly fault: ThreadFault
    }

/** What kind of failure it was, without the words of a message, which may quote what was asked. */
export interface ThreadFault {
  /** Of SQLite's errors their number and its word for that. */
  readonly status: number | null
  readonly type: string
}

/** The thread's side. */
export function answerCalls(port: MessagePort, handlers: Handlers): void {
  port.on('message', ({ id, name, args }: Request) => {
    let answer: Answer
    try {
      const handle = handlers[name] as (...args: readonly unknown[]) => unknown
      answer = { id, ok: true, result: handle(...args) }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      answer = { id, ok: false, message, fault: faultOf(error) }
    }
    port.postMessage(answer)
  })
}

function faultOf(error: unknown): ThreadFault {
  if (!(error instanceof Error)) return { status: null, type: typeof error }
  const { errcode, errstr } = error as { errcode?: unknown; errstr?: unknown }
  return typeof errcode === 'number' && typeof errstr === 'string'
    ? { status: errcode, type: errstr }
    : { status: null, type: error.name }
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** What a call rejects with. `fault` is null when the thread is gone: no call will ever succeed again. */
type Failure = (message: string, fault: ThreadFault | null) => Error

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
    if (this.#end !== null) return Promise.reject(this.#fail(this.#end, null))
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
    else call?.reject(this.#fail(answer.message, answer.fault))
  }

  #stop(reason: string): void {
    this.#end ??= reason
    for (const call of this.#waiting.values()) call.reject(this.#fail(reason, null))
    this.#waiting.clear()
  }
}
