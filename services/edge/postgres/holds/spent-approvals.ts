import type { SessionState } from '../session-state.ts'

/** What fails with a refused statement; null where that is nothing, or not known before replies that are still to come. */
export function spentInTransaction({ used, expected, batch }: SessionState): string | null {
  // An earlier batch that is not answered yet may have ended the transaction.
  const isKnown = expected.head === null || expected.head.batch === batch
  if (used.length === 0 || !isKnown) return null
  const ids = used.map(({ approvalId }) => approvalId).join(', ')
  const [noun, verb] = used.length === 1 ? ['approval', 'has'] : ['approvals', 'have']
  return `${noun} ${ids} ${verb} been used in this transaction: what ran by it is rolled back with the transaction, and it is good for no other run; send each statement that needs approval in a transaction of its own`
}
