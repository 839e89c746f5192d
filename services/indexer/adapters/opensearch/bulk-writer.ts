import { IndexError } from '../../search-index.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Pause } from './backoff.ts'
import { readReply } from './bulk-reply.ts'
import type { BulkOutcome, BulkReply } from './bulk-reply.ts'
import type { Concurrency } from './concurrency.ts'

/** One operation, as it goes over the wire: the line that says what to do, and the document where there is one. */
export interface BulkOperation {
  readonly action: string
  readonly source: string | null
}

/** Sends one `_bulk` request, without any retry. Throws when no answer came. */
export type SendBulk = (lines: string, signal: AbortSignal) => Promise<BulkReply>

export interface BulkWriterOptions {
  readonly send: SendBulk
  readonly concurrency: Concurrency
  readonly pause: Pause
  readonly logger: Logger
  readonly limits?: { readonly operations: number; readonly bytes: number }
}

const defaultLimits = { operations: 2_000, bytes: 8 << 20 }

/**
 * Writes operations until each has an outcome: what was written, what was there already, what is refused for good. Everything else
 * (no answer, an answer that is none, 429, 503) is asked again without limit, until the signal aborts. Operations must be idempotent,
 * since an answer that was lost says nothing about what was done.
 */
export class BulkWriter {
  readonly #options: BulkWriterOptions
  #retries = 0

  constructor(options: BulkWriterOptions) {
    this.#options = options
  }

  /** Requests that were sent again, in whole or in part. */
  get retries(): number {
    return this.#retries
  }

  /** The outcomes in the order of the operations. Rejects with `INDEX_FAILED` when the cluster denies us, or with the signal's reason. */
  async write(
    operations: readonly BulkOperation[],
    signal: AbortSignal,
  ): Promise<readonly BulkOutcome[]> {
    const outcomes: (BulkOutcome | undefined)[] = operations.map(() => undefined)
    const given = new AbortController()
    const either = AbortSignal.any([signal, given.signal])
    const requests = this.#requests(operations).map((numbers) =>
      this.#settle({ operations, outcomes, signal: either }, numbers),
    )
    try {
      await Promise.all(requests)
    } catch (error) {
      given.abort()
      await Promise.allSettled(requests)
      signal.throwIfAborted()
      throw error
    }
    return outcomes.filter((outcome) => outcome !== undefined)
  }

  /** Numbers of operations that travel together. */
  #requests(operations: readonly BulkOperation[]): readonly number[][] {
    const limits = this.#options.limits ?? defaultLimits
    const requests: number[][] = []
    let bytes = Infinity
    for (const [number, { action, source }] of operations.entries()) {
      const size = action.length + (source?.length ?? 0)
      const request = requests.at(-1)
      if (
        request === undefined ||
        request.length >= limits.operations ||
        bytes + size > limits.bytes
      ) {
        requests.push([number])
        bytes = size
      } else {
        request.push(number)
        bytes += size
      }
    }
    return requests
  }

  async #settle(write: Write, numbers: readonly number[]): Promise<void> {
    let open = numbers
    for (let attempt = 1; open.length > 0; attempt++) {
      if (attempt > 1) await this.#options.pause(attempt - 1, write.signal)
      const verdict = readReply(await this.#ask(write, open), open.length)
      switch (verdict.kind) {
        case 'items': {
          const again: number[] = []
          for (const [at, number] of open.entries()) {
            const outcome = verdict.items[at]
            if (outcome === undefined || outcome === 'again') again.push(number)
            else write.outcomes[number] = outcome
          }
          if (verdict.isOverloaded) this.#options.concurrency.overloaded()
          else this.#options.concurrency.succeeded()
          if (again.length > 0) this.#noteRetry(attempt, again.length, 'operations were put off')
          open = again
          break
        }
        case 'again':
          this.#options.concurrency.overloaded()
          this.#noteRetry(attempt, open.length, verdict.reason)
          break
        case 'poisoned': {
          const [only] = open
          if (open.length === 1 && only !== undefined) {
            write.outcomes[only] = { kind: 'refused', error: verdict.error }
            return
          }
          const half = Math.ceil(open.length / 2)
          await this.#settle(write, open.slice(0, half))
          await this.#settle(write, open.slice(half))
          return
        }
        case 'denied':
          throw new IndexError('INDEX_FAILED', verdict.reason)
      }
    }
  }

  #ask({ operations, signal }: Write, numbers: readonly number[]): Promise<BulkReply | Error> {
    return this.#options.concurrency.run(async () => {
      signal.throwIfAborted()
      let lines = ''
      for (const number of numbers) {
        const operation = operations[number]
        if (operation === undefined) continue
        lines += `${operation.action}\n`
        if (operation.source !== null) lines += `${operation.source}\n`
      }
      try {
        return await this.#options.send(lines, signal)
      } catch (error) {
        signal.throwIfAborted()
        return error instanceof Error ? error : new Error(String(error))
      }
    })
  }

  #noteRetry(attempt: number, operations: number, reason: string): void {
    this.#retries += 1
    // An outage of hours must not fill the process log.
    if (attempt > 3 && attempt % 20 !== 0) return
    this.#options.logger.warn({ attempt, operations, reason }, 'the index was not written; again')
  }
}

interface Write {
  readonly operations: readonly BulkOperation[]
  readonly outcomes: (BulkOutcome | undefined)[]
  readonly signal: AbortSignal
}
