import type { ApprovalHistory, Statement } from '../api/shapes.ts'

/** What held the statement, or let it run: it asked, it used the grant, or it was told to come back with this approval's id. */
export function approvalOf(
  { requestId, errorMessage }: Pick<Statement, 'requestId' | 'errorMessage'>,
  approvals: readonly ApprovalHistory[],
): ApprovalHistory | null {
  const isOfIt = ({ approval_id: id, steps }: ApprovalHistory): boolean =>
    steps.some((step) => step.request_id === requestId) || errorMessage?.includes(id) === true
  return approvals.find(isOfIt) ?? null
}

/** What became of it for this request, in a few words: the one that asked is refused, and another one runs. */
export function inBrief({ steps }: ApprovalHistory, requestId: string, nowMs = Date.now()): string {
  const overridden = steps.find(({ type }) => type === 'approval.overridden')
  if (overridden !== undefined) return `${broken(overridden)}; ${reviewed(steps)}`
  const last = steps.at(-1)
  if (last === undefined) return 'waits for approval'
  switch (last.type) {
    case 'approval.used':
      return `${last.request_id === requestId ? 'approved' : 'approved later'} by ${last.approvers.map(nameOf).join(' and ')}`
    case 'approval.granted':
      return last.missing === 0
        ? `approved by ${grantedBy(steps)}, not used yet`
        : `approved by ${grantedBy(steps)}, waits for ${last.missing ?? 0} more`
    case 'approval.denied':
      return `denied by ${nameOf(last.actor)}`
    case 'approval.expired':
      return 'not approved, or not used, in time'
    default:
      // An edge that has started anew meanwhile tells nobody that it is over.
      return Date.parse(last.expires_at) <= nowMs ? 'not answered in time' : 'waits for approval'
  }
}

export function nameOf({ display, subject }: ApprovalHistory['steps'][number]['actor']): string {
  return display ?? subject
}

function broken({ actor, reason }: ApprovalHistory['steps'][number]): string {
  return `break-glass by ${nameOf(actor)}: ${reason ?? ''}`
}

function reviewed(steps: ApprovalHistory['steps']): string {
  const review = steps.find(({ type }) => type === 'override.reviewed')
  if (review !== undefined) {
    return `reviewed by ${nameOf(review.actor)}: ${verdictOf(review)}`
  }
  return steps.some(({ type }) => type === 'override.overdue')
    ? 'its review is overdue'
    : 'not reviewed yet'
}

export function verdictOf({ override }: ApprovalHistory['steps'][number]): string {
  return override?.verdict === 'justified' ? 'justified' : 'not justified'
}

function grantedBy(steps: ApprovalHistory['steps']): string {
  const grants = steps.filter(({ type }) => type === 'approval.granted')
  return grants.map(({ actor }) => nameOf(actor)).join(' and ')
}
