import type { ApprovalPart, AuditEvent, Principal } from '../../schemas/event.ts'
import type { EventType } from '../../schemas/event-types.ts'

const answers: ReadonlySet<EventType> = new Set<EventType>([
  'approval.granted',
  'approval.denied',
  'approval.overridden',
  'override.reviewed',
])

/** Who gave the answer or the review that the event is, or the answer that it uses; also who broke the glass. */
export function approversOf({ type, actor }: AuditEvent, part: ApprovalPart): readonly Principal[] {
  if (answers.has(type) && actor !== null) return [actor]
  return part.override === null ? part.approvers : [...part.approvers, part.override.by]
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
  'approval.used': ({ approval_id: id, approvers, override }) =>
    override === null
      ? `runs with the approval of ${approvers.map(nameOf).join(' and ')} (approval ${id})`
      : `runs by break-glass of ${nameOf(override.by)} (approval ${id})`,
  'approval.overridden': ({ approval_id: id, answer, override }) => {
    const by = override === null ? '' : ` by ${nameOf(override.by)}`
    return `break-glass${by}: ${answer?.reason ?? ''} (approval ${id}${dueText(override)})`
  },
  'override.reviewed': ({ approval_id: id, answer, override }) => {
    const by = override === null ? '' : ` by ${nameOf(override.by)}`
    return `break-glass${by} was ${verdictWords(override)}: ${answer?.reason ?? ''} (approval ${id})`
  },
  'override.overdue': ({ approval_id: id, requirements, override }) => {
    const by = override === null ? '' : ` by ${nameOf(override.by)}`
    const roles = [...new Set(requirements.map(({ role }) => role))].join(' or ')
    return `break-glass${by} was not reviewed in time; somebody with the role ${roles} has to (approval ${id})`
  },
  'approval.expired': ({ approval_id: id }) => `approval ${id} was not given, or not used, in time`,
}

function nameOf({ display, subject }: Principal): string {
  return display ?? subject
}

function dueText(override: ApprovalPart['override']): string {
  const due = override?.due_at ?? null
  return due === null ? '' : `, to be reviewed until ${new Date(due / 1000).toISOString()}`
}

function verdictWords(override: ApprovalPart['override']): string {
  if (override?.verdict === 'justified') return 'justified'
  return override?.verdict === 'not_justified' ? 'not justified' : 'reviewed'
}
