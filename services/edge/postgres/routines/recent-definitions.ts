import type { Mentions } from '../facts/mentions.ts'
import { qualifiedName } from '../facts/names.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'

/** What sessions of this edge have defined that no snapshot may show yet. Never changes. */
export interface Definitions {
  /** Functions, operators and types as facts write them, by their last name. */
  readonly names: ReadonlyMap<string, string>
  readonly movesSchemas: boolean
}

interface OfSession {
  readonly names: Map<string, string>
  movesSchemas: boolean
  /** When its transaction ended; null while it may go on. */
  endedAtMs: number | null
}

const mostNames = 10_000

/**
 * Remembers what each session defines, from before it runs until a snapshot was begun well after its transaction has ended:
 * the session itself uses it at once, and others as soon as it commits.
 */
export class RecentDefinitions {
  readonly #sessions = new Map<StatementSubject, OfSession>()
  readonly #settleMs: number
  #all: Definitions = { names: new Map(), movesSchemas: false }

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  /** Another object when it is another; null when it is more than is remembered. */
  get all(): Definitions | null {
    return this.#all.names.size > mostNames ? null : this.#all
  }

  add(subject: StatementSubject, { defined, movesSchemas }: Mentions): void {
    if (defined.length === 0 && !movesSchemas) return
    const known = this.#sessions.get(subject)
    const session = known ?? { names: new Map(), movesSchemas: false, endedAtMs: null }
    if (known === undefined) this.#sessions.set(subject, session)
    for (const parts of defined) {
      if (session.names.size <= mostNames)
        session.names.set(parts.at(-1) ?? '', qualifiedName(parts))
    }
    session.movesSchemas ||= movesSchemas
    session.endedAtMs = null
    this.#gather()
  }

  /** A transaction of the session has ended, or the session itself, whose last one the target may still be at. */
  ended(subject: StatementSubject, nowMs: number): void {
    const session = this.#sessions.get(subject)
    if (session !== undefined) session.endedAtMs = nowMs
  }

  /** A snapshot that was begun then shows what there is. */
  seen(begunAtMs: number): void {
    const before = this.#sessions.size
    for (const [subject, { endedAtMs }] of this.#sessions) {
      if (endedAtMs !== null && endedAtMs + this.#settleMs <= begunAtMs)
        this.#sessions.delete(subject)
    }
    if (this.#sessions.size < before) this.#gather()
  }

  #gather(): void {
    const sessions = [...this.#sessions.values()]
    this.#all = {
      names: new Map(sessions.flatMap(({ names }) => [...names])),
      movesSchemas: sessions.some(({ movesSchemas }) => movesSchemas),
    }
  }
}
