import type { Logger } from '../runtime/logger.ts'
import { pauseUnlessAborted } from '../runtime/pause.ts'

export interface KeepTryingOptions {
  readonly work: () => Promise<unknown>
  readonly everyMs: number
  /** What is said of it when it fails. */
  readonly failure: string
  readonly logger: Logger
}

/** Does the work now, and again a while after each time, whatever became of it, until it is disposed; that waits for what runs. */
export function keepTrying({ work, everyMs, failure, logger }: KeepTryingOptions): AsyncDisposable {
  const stopping = new AbortController()
  const { signal } = stopping
  const working = (async () => {
    while (!signal.aborted) {
      await work().catch((error: unknown) => {
        logger.warn({ err: error }, failure)
      })
      await pauseUnlessAborted(everyMs, signal)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await working
    },
  }
}
