import { basename } from 'node:path'
import { parentPort, Worker } from 'node:worker_threads'

/** What a call and its answer move from thread to thread instead of copying. */
type Moved = readonly ArrayBuffer[]

interface Call<Q> {
  readonly id: number
  readonly request: Q
}

type Answer<A> =
  { readonly id: number; readonly result: A } | { readonly id: number; readonly fault: string }

interface Waiting<A> {
  resolve(result: A): void
  reject(error: Error): void
}

/**
 * Calls that a thread of its own answers, in the order they were made; see `answerCalls`. It begins with the first of them. When it
 * ends by itself, every call is refused, those that were made too: they may have been done or not.
 */
export class ThreadCalls<Q, A> implements AsyncDisposable {
  readonly #module: URL
  readonly #data: unknown
  readonly #waiting = new Map<number, Waiting<A>>()
  #worker: Worker | null = null
  #nextId = 0
  /** Settles after all before it. */
  #last: Promise<unknown> = Promise.resolve()
  #end: string | null = null

  /** `module` is what the thread runs, `data` its `workerData`. */
  constructor(module: URL, data: unknown) {
    this.#module = module
    this.#data = data
  }

  call(request: Q, moved: Moved = []): Promise<A> {
    if (this.#end !== null) return Promise.reject(new Error(this.#end))
    const worker = (this.#worker ??= this.#begin())
    const call: Call<Q> = { id: this.#nextId++, request }
    const answer = new Promise<A>((resolve, reject) => {
      this.#waiting.set(call.id, { resolve, reject })
      // A thread without work keeps no process alive.
      worker.ref()
      worker.postMessage(call, moved)
    })
    this.#last = answer
    return answer
  }

  /** Waits for the calls that were made, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => undefined)
    this.#end ??= 'the ledger is closed'
    await this.#worker?.terminate()
  }

  #begin(): Worker {
    const worker = new Worker(this.#module, { workerData: this.#data })
    worker.on('message', (answer: Answer<A>) => this.#settle(answer))
    worker.on('error', (error) => this.#fail(String(error)))
    worker.on('exit', () => this.#fail(`${basename(this.#module.pathname)} has ended`))
    return worker
  }

  #settle(answer: Answer<A>): void {
    const call = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('fault' in answer) call?.reject(new Error(answer.fault))
    else call?.resolve(answer.result)
    if (this.#waiting.size === 0) this.#worker?.unref()
  }

  #fail(reason: string): void {
    this.#end ??= reason
    for (const call of this.#waiting.values()) call.reject(new Error(reason))
    this.#waiting.clear()
  }
}

/** The other end, in the thread: one call after the other. */
export function answerCalls<A>(
  work: (request: unknown) => A | Promise<A>,
  movedOf: (result: A) => Moved = () => [],
): void {
  let last: Promise<void> = Promise.resolve()
  parentPort?.on('message', (call: Call<unknown>) => {
    last = last.then(() => answer(call, work, movedOf))
  })
}

async function answer<A>(
  { id, request }: Call<unknown>,
  work: (request: unknown) => A | Promise<A>,
  movedOf: (result: A) => Moved,
): Promise<void> {
  let given: Answer<A>
  let moved: Moved = []
  try {
    const result = await work(request)
    given = { id, result }
    moved = movedOf(result)
  } catch (error) {
    given = { id, fault: String(error) }
  }
  parentPort?.postMessage(given, moved)
}
