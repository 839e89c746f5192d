import type { Declaration } from '../statements/namespace.ts'
import type { RequestInFlight } from './request-in-flight.ts'
import type { Portal, Statement } from '../statements/statements.ts'

/** What the target still has to answer: one entry per message that gets a reply. */
export type ExpectedKind =
  | 'query'
  | 'function-call'
  | 'parse'
  | 'bind'
  | 'describe-statement'
  | 'describe-portal'
  | 'execute'
  | 'close'
  | 'sync'
  /** CopyDone and CopyFail get no reply; they mark where a COPY that was sent ahead of its answer ends. */
  | 'copy-end'

export class Expected {
  readonly kind: ExpectedKind
  /** The request that this message is part of. */
  request: RequestInFlight | null = null
  /** True when the reply to this message completes the request. */
  isLast = false
  /** The ErrorResponse of the edge that replaces the target's, for a message that stands in for a refused one. */
  refusal: Buffer | null = null
  /** The name that a Parse or a Close of a statement declares or drops, settled by the reply. */
  statement: Declaration<Statement> | null = null
  /** The same for Bind and Close of a portal. */
  portal: Declaration<Portal> | null = null
  /** A message of the edge itself, whose reply the client does not get. */
  isOwn = false
  /** Which part between two Syncs it belongs to. */
  readonly batch: number

  constructor(kind: ExpectedKind, batch: number) {
    this.kind = kind
    this.batch = batch
  }
}

/** First in, first out. An array with a moving head: `shift` of a long array would move it all. */
export class ExpectedResponses {
  #entries: Expected[] = []
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  get head(): Expected | null {
    return this.#entries[this.#head] ?? null
  }

  get last(): Expected | null {
    return this.#entries.at(-1) ?? null
  }

  has(entry: Expected): boolean {
    return this.#entries.indexOf(entry, this.#head) >= 0
  }

  /** Whether a request of this batch has not been answered yet. */
  hasRequestIn(batch: number): boolean {
    return this.#entries.some(
      (entry, index) => index >= this.#head && entry.batch === batch && entry.request !== null,
    )
  }

  push(entry: Expected): void {
    this.#entries.push(entry)
  }

  /** Takes back what was pushed beyond `length`, newest first. */
  rollBack(length: number): Expected[] {
    return this.#entries.splice(this.#head + length).reverse()
  }

  shift(): Expected | null {
    const entry = this.#entries[this.#head] ?? null
    if (entry === null) return null
    this.#head++
    if (this.#head === this.#entries.length) {
      this.#entries.length = 0
      this.#head = 0
    } else {
      if (this.#head >= 1_024) {
        this.#entries = this.#entries.slice(this.#head)
        this.#head = 0
      }
      // The target ignores the end of a COPY that did not happen.
      if (this.#entries[this.#head]?.kind === 'copy-end') this.shift()
    }
    return entry
  }

  /** The last message that runs something: COPY data that comes before the answer belongs to it. */
  lastRunning(): RequestInFlight | null {
    for (let index = this.#entries.length - 1; index >= this.#head; index--) {
      const entry = this.#entries[index]
      if (entry?.kind === 'query' || entry?.kind === 'execute') return entry.request
    }
    return null
  }

  /**
   * The head began COPY FROM STDIN. Until CopyDone or CopyFail the target ignores Sync, so those sent ahead get no reply.
   * True when the end of the COPY has been sent already.
   */
  beginCopyIn(): boolean {
    const rest = this.#entries.slice(this.#head + 1)
    const end = rest.findIndex((entry) => entry.kind === 'copy-end')
    const during = end < 0 ? rest : rest.slice(0, end)
    const after = end < 0 ? [] : rest.slice(end + 1)
    const kept = during.filter((entry) => entry.kind !== 'sync')
    const head = this.head
    this.#entries = head === null ? [] : [head, ...kept, ...after]
    this.#head = 0
    return end >= 0
  }
}
