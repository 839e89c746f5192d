import type { TransactionEnd } from '../query.ts'
import { transactionEnds } from './transaction-ends.ts'
import type { Run, Stretch } from './transaction-ends.ts'
import { transactionSteps } from './transaction-steps.ts'

/** How many statements that touch transactions are looked at on either side of one. */
export const mostLookedAt = 200

/** Statements of a session that touch transactions, on one side of others. */
export interface Side {
  /** In the order of the session. */
  readonly statements: readonly Run[]
  /** There is nothing beyond them on this side. */
  readonly isAll: boolean
}

/** What became of the transactions of statements that lie side by side, by request id. `beyond`: where there is nothing beyond `after`. */
export function endsBetween(
  before: Side,
  statements: readonly Run[],
  after: Side,
  beyond: Exclude<Stretch['beyond'], 'more'>,
): ReadonlyMap<string, TransactionEnd> {
  return transactionEnds({
    statements: [...before.statements, ...statements, ...after.statements],
    isFirst: before.isAll,
    beyond: after.isAll ? beyond : 'more',
  })
}

/** Whether nothing before this statement has to be known for what comes after it. */
export function settlesWhatFollows(run: Run): boolean {
  return doesAny(run, ['begin', 'commit', 'rollback', 'prepare'])
}

/** Whether nothing after this statement has to be known for what came before it. */
export function settlesWhatWas(run: Run): boolean {
  return doesAny(run, ['commit', 'rollback', 'prepare'])
}

function doesAny(run: Run, wanted: readonly string[]): boolean {
  if (run.decision === 'block' || run.outcome === 'refused') return false
  return transactionSteps(run)?.some(({ does }) => wanted.includes(does)) ?? true
}
