import type { OverrideUpdate } from '../../../schemas/control.ts'
import type { OverridePart, OverrideVerdict, Principal } from '../../../schemas/event.ts'
import { overrideOf, reviewWithinHours } from '../../edge/guard/approvals/approval.ts'
import type { BookedApproval } from './approval-book.ts'

const hourMs = 3_600_000

/** What the edges, and we ourselves after a restart, are told of an override: that it waits for its review. */
export function overrideUpdate(booked: BookedApproval): Omit<OverrideUpdate, 'version'> {
  const { approval, asked, askedAt, reviewDueMs } = booked
  const override = overrideOf(approval)
  if (override === null || reviewDueMs === null || asked.actor === null) {
    throw new TypeError('what is told is an override, by somebody, with a time for its review')
  }
  const { binding } = approval
  return {
    kind: 'override',
    approval_id: approval.approvalId,
    binding_sha256: approval.bindingSha256,
    target: binding.target,
    by: principalOf(override.by),
    reason: override.reason,
    requester: principalOf(asked.actor),
    on_behalf_of: asked.actor.on_behalf_of.map(principalOf),
    reviewer_roles: [...new Set(binding.requirements.map(({ role }) => role))],
    asked: { ...askedAt },
    overridden_at: reviewDueMs - (reviewWithinHours(approval) ?? 0) * hourMs,
    due_at: reviewDueMs,
    is_overdue_recorded: false,
    review: null,
  }
}

/** What an event says of it. */
export function overridePart(
  { by, due_at: dueMs }: Pick<OverrideUpdate, 'by' | 'due_at'>,
  verdict: OverrideVerdict | null = null,
): OverridePart {
  return { by: principalOf(by), due_at: dueMs * 1000, verdict }
}

/** Without whatever else is known of them, such as their groups. */
export function principalOf({ kind, subject, issuer, display }: Principal): Principal {
  return { kind, subject, issuer, display }
}
