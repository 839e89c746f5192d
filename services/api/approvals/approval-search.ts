import type { EventType } from '../../../schemas/event-types.ts'
import type { Query } from '../../indexer/query.ts'
import type { ApprovalEvents, Beginning } from './approval-events.ts'
import { hitPages } from './hit-pages.ts'
import { Problem } from '../problem.ts'

export interface SealedEvent extends Beginning {
  readonly log: string
  readonly position: number
}

export interface FoundEvents {
  /** Newest first. */
  readonly events: readonly SealedEvent[]
  /** All since then are among them, in milliseconds since 1970; null where none was left out. */
  readonly wholeFromMs: number | null
}

/** Finds the sealed events of approvals by the index. What it leaves out it says. */
export class ApprovalSearch {
  readonly #query: Pick<Query, 'search'>
  readonly #events: ApprovalEvents
  readonly #mostFound: number

  /** `mostFound`: of one kind. */
  constructor(query: Pick<Query, 'search'>, events: ApprovalEvents, mostFound: number) {
    this.#query = query
    this.#events = events
    this.#mostFound = mostFound
  }

  /** Those of one kind since `from`. */
  async ofKind(kind: EventType, from: number): Promise<FoundEvents> {
    return this.#found({ kind, from }, () => true)
  }

  /** The same of one approval, all of them; throws a `Problem` where there are more than are looked through. */
  async ofApproval(kind: EventType, id: string, from: number): Promise<readonly SealedEvent[]> {
    // Others may speak of it, such as the reason of an answer to another one.
    const isOfIt = ({ event }: SealedEvent): boolean => event.approval?.approval_id === id
    const { events, wholeFromMs } = await this.#found({ kind, from, text: `"${id}"` }, isOfIt)
    if (wholeFromMs === null) return events
    throw new Problem(
      'unavailable',
      `more than ${this.#mostFound} events of the kind ${kind} name the approval ${id}, so not all of it is known and it cannot be answered; the requester has to ask again`,
    )
  }

  async #found(
    filter: { readonly kind: EventType; readonly from: number; readonly text?: string },
    isWanted: (sealed: SealedEvent) => boolean,
  ): Promise<FoundEvents> {
    const events: SealedEvent[] = []
    let looked = 0
    let oldestMs = Number.POSITIVE_INFINITY
    for await (const hits of hitPages(this.#query, filter)) {
      if (hits.length > 0 && looked >= this.#mostFound) {
        // Of the same millisecond there may be others.
        return { events, wholeFromMs: oldestMs + 1 }
      }
      for (const { log, position, occurredAtMs } of hits) {
        oldestMs = Math.min(oldestMs, occurredAtMs)
        const beginning = await this.#events.beginning(log, position)
        if (beginning === null) continue
        const sealed = { ...beginning, log, position }
        if (isWanted(sealed)) events.push(sealed)
      }
      looked += hits.length
    }
    return { events, wholeFromMs: null }
  }
}
