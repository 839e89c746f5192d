import type { Statement } from '../api/shapes.ts'
import { transactionSteps } from './transaction-steps.ts'
import type { Completed } from './transaction-steps.ts'

/** Why what a statement did did not last. */
export interface Undone {
  /** Number of the statement, from 1, that ended its transaction; null where the session ended inside it. */
  readonly by: number | null
}

type Run = Completed & Pick<Statement, 'requestId' | 'decision'>

/**
 * The statements that ran and were rolled back with their transaction, by request id: between BEGIN and a ROLLBACK, a COMMIT that the
 * target answered with ROLLBACK, or the end of the session. Where texts and answers do not tell for certain, and of what a
 * ROLLBACK TO a savepoint undoes, nothing is said.
 *
 * `statements` are the first of the session, in order; `isOver`: these are all of them, and the session has ended.
 */
export function rolledBack(
  statements: readonly Run[],
  isOver: boolean,
): ReadonlyMap<string, Undone> {
  const undone = new Map<string, Undone>()
  /** Parts of them are in force, or may be. */
  const kept = new Set<string>()
  /** The requests that worked in the transaction that is open; null where none is. */
  let open: Set<string> | 'unknown' | null = null
  const work = (id: string): void => {
    if (open instanceof Set) open.add(id)
    else kept.add(id)
  }
  const endOpen = (by: number | null, isRolledBack: boolean): void => {
    for (const id of open instanceof Set ? open : []) {
      if (isRolledBack) undone.set(id, { by })
      else kept.add(id)
    }
  }
  statements.forEach((statement, index) => {
    const { requestId: id, decision, outcome } = statement
    if (decision === 'block' || outcome === 'refused') return
    const steps = transactionSteps(statement)
    if (steps === null) {
      endOpen(null, false)
      kept.add(id)
      open = 'unknown'
    }
    for (const { does, isChained } of steps ?? []) {
      if (does === 'work') work(id)
      if (does === 'begin') open ??= new Set()
      if (does === 'work' || does === 'begin' || does === 'aside') continue
      endOpen(index + 1, does === 'rollback')
      open = isChained ? new Set() : null
    }
    // What failed did nothing, and says so.
    if (outcome !== 'ok') kept.add(id)
  })
  if (isOver) endOpen(null, true)
  for (const id of kept) undone.delete(id)
  return undone
}
