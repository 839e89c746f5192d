import { encodeNotice } from '../protocol/backend.ts'
import type { SessionState } from '../session-state.ts'

/**
 * Of what ran by approvals: what fails with a refused statement, as a sentence; null where that is nothing, or not known before replies
 * that are still to come.
 */
export function spentInTransaction({ used, expected, batch }: SessionState): string | null {
  // An earlier batch that is not answered yet may have ended the transaction.
  const isKnown = expected.head === null || expected.head.batch === batch
  if (used.length === 0 || !isKnown) return null
  return sentenceOf(used)
}

/** The same where a statement fails at the target itself, as a notice, once for each approval. */
export function spentBefore(state: SessionState, batch: number): Buffer | null {
  const spent = state.used.filter((use) => use.batch <= batch && !use.isTold)
  if (spent.length === 0) return null
  state.used = state.used.map((use) => (spent.includes(use) ? { ...use, isTold: true } : use))
  return encodeNotice({ sqlState: '00000', message: sentenceOf(spent) })
}

function sentenceOf(used: SessionState['used']): string {
  const ids = used.map(({ approvalId }) => approvalId).join(', ')
  const [noun, verb] = used.length === 1 ? ['approval', 'has'] : ['approvals', 'have']
  return `${noun} ${ids} ${verb} been used in this transaction: what ran by it is rolled back with the transaction, and it is good for no other run; send each statement that needs approval in a transaction of its own`
}
