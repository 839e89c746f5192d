import type { ApprovalPart, AuditEvent, EventType, Principal } from '../../schemas/event.ts'

/** Who gave the answer that the event is, or that it uses. */
export function approversOf({ type, actor }: AuditEvent, part: ApprovalPart): readonly Principal[] {
  const isAnswer = type === 'approval.granted' || type === 'approval.denied'
  return isAnswer && actor !== null ? [actor] : part.approvers
}

/** What the event says of its approval, in a sentence; null of other events. */
export function approvalRemark({ type, approval }: AuditEvent): string | null {
  return approval === null ? null : (sentences[type]?.(approval) ?? null)
}

const sentences: Readonly<Partial<Record<EventType, (part: ApprovalPart) => string>>> = {
  'approval.requested': ({ approval_id: id, requirements }) => {
    const needed = requirements.map(
      ({ rule_id: rule, role, approvers }) => `${rule} (needs ${approvers} × ${role})`,
    )
    return `held by ${needed.join(' and ')}, approval ${id}`
  },
  'approval.granted': ({ approval_id: id, answer }) => {
    const missing = answer?.missing ?? 0
    const more = missing === 0 ? '' : `, ${missing} more needed`
    return `approved${more}: ${answer?.reason ?? ''} (approval ${id})`
  },
  'approval.denied': ({ approval_id: id, answer }) =>
    `denied: ${answer?.reason ?? ''} (approval ${id})`,
  'approval.used': ({ approval_id: id, approvers }) => {
    const names = approvers.map(({ display, subject }) => display ?? subject)
    return `runs with the approval of ${names.join(' and ')} (approval ${id})`
  },
  'approval.expired': ({ approval_id: id }) => `approval ${id} was not given, or not used, in time`,
}
