import type { Statement, TransactionEnd } from '../query.ts'
import { OpenTransaction } from './open-transaction.ts'
import { transactionSteps } from './transaction-steps.ts'
import type { Completed, TransactionStep } from './transaction-steps.ts'

export type Run = Completed & Pick<Statement, 'requestId' | 'decision'>

/** Statements of a session, in order, without those between that touch no transaction and are not asked for. */
export interface Stretch {
  readonly statements: readonly Run[]
  /** The session begins with them. Otherwise nothing is known of what came before. */
  readonly isFirst: boolean
  /** The session has ended; nothing more of it is recorded yet; or there is more, which was not looked at. */
  readonly beyond: 'ended' | 'nothing_yet' | 'more'
}

/**
 * What became of the transactions that statements ran in, by request id, from the target's words and the texts; see
 * `Statement.transaction`.
 */
export function transactionEnds({
  statements,
  isFirst,
  beyond,
}: Stretch): ReadonlyMap<string, TransactionEnd> {
  const following = new Following(isFirst)
  const ran = new Set<string>()
  for (const statement of statements) {
    if (statement.decision === 'block' || statement.outcome === 'refused') continue
    if (statement.outcome === 'ok') ran.add(statement.requestId)
    following.follow(statement.requestId, transactionSteps(statement))
  }
  following.finish(beyond)
  const ends = new Map<string, TransactionEnd>()
  for (const [id, parts] of following.parts) {
    const end = endOfAll(parts)
    // What failed did nothing, and says so.
    if (end !== null && ran.has(id)) ends.set(id, end)
  }
  return ends
}

/** Keeps the transaction of a session while its statements pass by. */
class Following {
  /** Of each request what became of its parts; null: it lasts, whatever else the session did. */
  readonly parts = new Map<string, (TransactionEnd | null)[]>()
  #open: OpenTransaction | 'unknown' | null

  constructor(isFirst: boolean) {
    this.#open = isFirst ? null : 'unknown'
  }

  /** `steps`: null where nobody can tell. */
  follow(id: string, steps: readonly TransactionStep[] | null): void {
    if (steps === null) {
      this.#settle({ state: 'unknown', by: null })
      this.#note(id, { state: 'unknown', by: null })
      this.#open = 'unknown'
      return
    }
    for (const step of steps) this.#take(id, step, steps.length > 1)
    if (this.#open instanceof OpenTransaction && this.#open.isImplicit) {
      this.#settle(null)
      this.#open = null
    }
  }

  finish(beyond: Stretch['beyond']): void {
    const state = ({ ended: 'not_committed', nothing_yet: 'open', more: 'unknown' } as const)[
      beyond
    ]
    this.#settle({ state, by: null })
  }

  #take(id: string, step: TransactionStep, isOneOfSeveral: boolean): void {
    switch (step.does) {
      case 'begin':
        // In a transaction that is open it does nothing, but that there is one is known from here on.
        if (!(this.#open instanceof OpenTransaction)) this.#open = new OpenTransaction()
        this.#open.isImplicit = false
        return
      case 'work':
        // Statements of one text are one transaction, unless they say otherwise.
        if (this.#open === null && isOneOfSeveral) this.#open = new OpenTransaction(true)
        if (this.#open instanceof OpenTransaction) this.#open.work(id)
        else this.#note(id, this.#open === null ? null : { state: 'unknown', by: null })
        return
      case 'savepoint':
      case 'release':
      case 'rollback_to':
        if (!(this.#open instanceof OpenTransaction)) return
        for (const undone of this.#open.atSavepoint(step.does, step.name)) {
          this.#note(undone, { state: 'rolled_back', by: id })
        }
        return
      case 'commit':
        return this.#end({ state: 'committed', by: id }, step.isChained)
      case 'rollback':
        return this.#end({ state: 'rolled_back', by: id }, step.isChained)
      case 'prepare':
        return this.#end({ state: 'unknown', by: id }, false)
      case 'aside':
    }
  }

  #end(end: TransactionEnd, isChained: boolean): void {
    this.#settle(end)
    this.#open = isChained ? new OpenTransaction() : null
  }

  #settle(end: TransactionEnd | null): void {
    if (!(this.#open instanceof OpenTransaction)) return
    const isKept = end === null || end.state === 'committed' || end.state === 'open'
    for (const { id, isDoubtful } of this.#open.works) {
      this.#note(id, isDoubtful && isKept ? { state: 'unknown', by: null } : end)
    }
  }

  #note(id: string, end: TransactionEnd | null): void {
    this.parts.set(id, [...(this.parts.get(id) ?? []), end])
  }
}

/** The one thing that became of all parts; of what lasts, that it was committed. */
function endOfAll(parts: readonly (TransactionEnd | null)[]): TransactionEnd | null {
  const kept = parts.filter((end) => end === null || end.state === 'committed')
  if (kept.length === parts.length) return kept.findLast((end) => end !== null) ?? null
  const [first = null] = parts
  const isSame = parts.every((end) => end?.state === first?.state)
  return isSame ? first : { state: 'unknown', by: null }
}
