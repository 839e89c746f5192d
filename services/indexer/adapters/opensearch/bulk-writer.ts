import { IndexError } from '../../search-index.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Pause } from './backoff.ts'
import { BulkBody } from './bulk-body.ts'
import type { Json } from './bulk-body.ts'
import { readReply } from './bulk-reply.ts'
import type { BulkOutcome, BulkReply } from './bulk-reply.ts'
import type { Concurrency } from '../../concurrency.ts'

/** The line that says what to do, and that of the document, where there is one. */
export interface BulkOperation {
  readonly action: string
  readonly source: Json | null
}

/** Makes an operation each time that it is sent, always the same: thousands of them in waiting would fill the memory. */
export type MakeOperation = () => BulkOperation

/** What is to be learned of each operation. Versions make the answer three times as long. */
export type BulkAnswer = 'outcome' | 'outcome and version'

/** Sends one `_bulk` request, without any retry. Throws when no answer came. */
export type SendBulk = (
  lines: Buffer,
  wanted: BulkAnswer,
  signal: AbortSignal,
) => Promise<BulkReply>

export interface BulkWriterOptions {
  readonly send: SendBulk
  readonly concurrency: Concurrency
  readonly pause: Pause
  readonly logger: Logger
  readonly limits?: { readonly operations: number; readonly bytes: number }
}

const mostBodies = 4
const defaultLimits = { operations: 2_000, bytes: 8 << 20 }

/**
 * Writes operations until each has an outcome: what was written, what was there already, what is refused for good. Everything else
 * (no answer, an answer that is none, 429, 503) is asked again without limit, until the signal aborts. Operations must be idempotent,
 * since an answer that was lost says nothing about what was done.
 */
export class BulkWriter {
  readonly #options: BulkWriterOptions
  readonly #limits: { readonly operations: number; readonly bytes: number }
  #retries = 0
  /** Of requests that are over, for the next: megabytes of new memory each time would cost as much as filling them. */
  readonly #bodies: BulkBody[] = []

  constructor(options: BulkWriterOptions) {
    this.#options = options
    this.#limits = options.limits ?? defaultLimits
  }

  /** Requests that were sent again, in whole or in part. */
  get retries(): number {
    return this.#retries
  }

  /** The outcomes in the order of the operations. Rejects with `INDEX_FAILED` when the cluster denies us, or with the signal's reason. */
  async write(
    operations: readonly MakeOperation[],
    signal: AbortSignal,
    wanted: BulkAnswer = 'outcome',
  ): Promise<readonly BulkOutcome[]> {
    const outcomes: (BulkOutcome | undefined)[] = operations.map(() => undefined)
    const given = new AbortController()
    const either = AbortSignal.any([signal, given.signal])
    const { operations: most } = this.#limits
    const write = { operations, outcomes, wanted, signal: either }
    const requests: Promise<void>[] = []
    for (let from = 0; from < operations.length; from += most) {
      const size = Math.min(most, operations.length - from)
      const numbers = Array.from({ length: size }, (_, at) => from + at)
      requests.push(this.#settle(write, numbers))
    }
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

  /** Writes the operations of these numbers in as few requests as they fit in, one after the other. */
  async #settle(write: Write, numbers: readonly number[]): Promise<void> {
    let open = numbers
    for (let attempt = 1; open.length > 0;) {
      if (attempt > 1) await this.#options.pause(attempt - 1, write.signal)
      const { asked, reply } = await this.#ask(write, open)
      const sent = open.slice(0, asked)
      const rest = open.slice(asked)
      const verdict = readReply(reply, asked)
      switch (verdict.kind) {
        case 'items': {
          const again: number[] = []
          for (const [at, number] of sent.entries()) {
            const outcome = verdict.items[at]
            if (outcome === undefined || outcome === 'again') again.push(number)
            else write.outcomes[number] = outcome
          }
          if (verdict.isOverloaded) this.#options.concurrency.overloaded()
          else this.#options.concurrency.succeeded()
          if (again.length > 0) this.#noteRetry(attempt, again.length, 'operations were put off')
          attempt = again.length > 0 ? attempt + 1 : 1
          open = [...again, ...rest]
          break
        }
        case 'again':
          this.#options.concurrency.overloaded()
          this.#noteRetry(attempt, asked, verdict.reason)
          attempt += 1
          break
        case 'poisoned': {
          const [only] = sent
          if (asked === 1 && only !== undefined) {
            write.outcomes[only] = { kind: 'refused', error: verdict.error }
          } else {
            const half = Math.ceil(asked / 2)
            await this.#settle(write, sent.slice(0, half))
            await this.#settle(write, sent.slice(half))
          }
          attempt = 1
          open = rest
          break
        }
        case 'denied':
          throw new IndexError('INDEX_FAILED', verdict.reason)
      }
    }
  }

  /** Asks for as many of the operations, from the first on, as one request may hold. */
  #ask(
    { operations, wanted, signal }: Write,
    numbers: readonly number[],
  ): Promise<{ readonly asked: number; readonly reply: BulkReply | Error }> {
    return this.#options.concurrency.run(async () => {
      signal.throwIfAborted()
      const body = this.#bodies.pop() ?? new BulkBody(this.#limits.bytes)
      let asked = 0
      for (const number of numbers) {
        const { action, source } = (operations[number] as MakeOperation)()
        if (!body.add(action, source)) break
        asked += 1
      }
      try {
        const reply = await this.#options.send(body.bytes, wanted, signal)
        // Nobody reads it any more: what is answered so was read to its end.
        if (reply.statusCode === 200 && this.#bodies.length < mostBodies) {
          body.clear()
          this.#bodies.push(body)
        }
        return { asked, reply }
      } catch (error) {
        signal.throwIfAborted()
        return { asked, reply: error instanceof Error ? error : new Error(String(error)) }
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
  readonly operations: readonly MakeOperation[]
  readonly outcomes: (BulkOutcome | undefined)[]
  readonly wanted: BulkAnswer
  readonly signal: AbortSignal
}
