import { Worker } from 'node:worker_threads'

import type { Finding, LoopResult } from './fuzz-loop.ts'
import { WatchedInput } from './watched-input.ts'

export interface FuzzOrder {
  /** Where the target is made, as a URL. */
  readonly module: string
  readonly inputs: readonly Uint8Array[]
  readonly seconds: number
  readonly seed: number
  readonly mostFindings: number
  readonly shared: SharedArrayBuffer
}

export interface Progress {
  readonly executions: number
  readonly covered: number
  readonly corpus: number
}

export type FuzzNews = Progress | { readonly result: LoopResult }

export interface FuzzOptions extends Omit<FuzzOrder, 'shared' | 'mostFindings'> {
  /** Beyond so many it ends. Default 20. */
  readonly mostFindings?: number
  /** How long one input may run before the thread is ended, in milliseconds. Default 20 s. */
  readonly hangMs?: number
  /** Of the thread's heap, in MiB. Default 512. */
  readonly heapMb?: number
  readonly onProgress?: (progress: Progress) => void
}

/**
 * Fuzzes one target in a thread of its own and watches it from here: an input that never ends or eats all memory ends the thread
 * and is the finding; what was found before that in the same run is lost.
 */
export async function fuzz(options: FuzzOptions): Promise<LoopResult> {
  const { mostFindings = 20, hangMs = 20_000, heapMb = 512, onProgress, ...order } = options
  const shared = WatchedInput.share()
  const watched = new WatchedInput(shared)
  const thread = new Worker(new URL('./fuzz-thread.ts', import.meta.url), {
    workerData: { ...order, mostFindings, shared } satisfies FuzzOrder,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  })
  const outcome = Promise.withResolvers<LoopResult>()
  const endedBy = (kind: Finding['kind'], message: string): void => {
    const finding = { kind, message, input: watched.input }
    outcome.resolve({ executions: watched.number, covered: 0, corpus: [], findings: [finding] })
  }
  thread.on('message', (news: FuzzNews) => {
    if ('result' in news) outcome.resolve(news.result)
    else onProgress?.(news)
  })
  thread.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') endedBy('memory', error.message)
    else outcome.reject(error)
  })
  // Something that never comes is awaited, or somebody called exit.
  thread.on('exit', () => endedBy('hang', 'the thread ended before it was done'))
  const watch = watchFor(watched, hangMs, () => endedBy('hang', `ran for more than ${hangMs} ms`))
  try {
    return await outcome.promise
  } finally {
    clearInterval(watch)
    await thread.terminate()
  }
}

/** Calls back when the input stays the same for too long. Making a target, before the first one, takes its time. */
function watchFor(watched: WatchedInput, hangMs: number, onHang: () => void): NodeJS.Timeout {
  let last = 0
  let since = performance.now()
  return setInterval(() => {
    const now = performance.now()
    const { number } = watched
    if (number !== last || number === 0) since = now
    last = number
    if (now - since > hangMs) onHang()
  }, hangMs / 20)
}
