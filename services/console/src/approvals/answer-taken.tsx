import { Alert } from '@mantine/core'

import type { Approval } from '../api/shapes.ts'

/** What somebody has just answered. */
export interface TakenAnswer {
  readonly approval: Approval
  readonly verdict: 'grant' | 'deny'
}

/** Its request has left the list: says that it was this one, and what follows. */
export function AnswerTaken({ answer }: { readonly answer: TakenAnswer }) {
  const { approval, verdict } = answer
  const { requester, missing } = approval
  const others = missing.reduce((sum, { count }) => sum + count, 0) - 1
  const what = `${approval.operation} by ${requester.display ?? requester.subject} at ${approval.target}`
  if (verdict === 'deny') {
    return (
      <Alert color="gray" role="status" title={`Denied: ${what}`}>
        It does not run.
      </Alert>
    )
  }
  return (
    <Alert color="teal" role="status" title={`Approved: ${what}`}>
      {others > 0
        ? `It needs ${others} more.`
        : 'It may run once: at once where its client waits, else when it is sent again.'}
    </Alert>
  )
}
