import type { Static } from 'typebox'

import type { OverrideReview, OverrideUpdate } from '../../../schemas/control.ts'
import type { ApprovalPart, AuditEvent, RequestPart } from '../../../schemas/event.ts'
import { missingApprovers } from '../../edge/guard/approvals/approval.ts'
import { isOverdue } from '../../edge/guard/approvals/overrides.ts'
import { stateOf } from './approval-book.ts'
import type { BookedApproval } from './approval-book.ts'
import { readableText } from '../recorded-result.ts'
import { personOf } from '../schemas/approvals.ts'
import type { ApprovalView, OverrideView, RequirementView } from '../schemas/approvals.ts'

/** What is known of an override beside the approval; null where the hold was not overridden. */
export function approvalView(
  booked: BookedApproval,
  seen: {
    readonly override: OverrideUpdate | null
    readonly mayAnswer: boolean
    readonly mayOverride: boolean
    readonly nowMs: number
  },
): Static<typeof ApprovalView> {
  const { approval, edge, asked, isCut, answers, forgottenAtMs } = booked
  const { request } = asked
  const { binding } = approval
  return {
    approval_id: approval.approvalId,
    state: stateOf(booked),
    forgotten_at: forgottenAtMs === null ? null : instant(forgottenAtMs),
    edge,
    requester: personOf(asked.actor),
    on_behalf_of: (asked.actor?.on_behalf_of ?? []).map(personOf),
    target: binding.target,
    database: binding.database,
    role: binding.role,
    search_path: binding.searchPath,
    purpose: asked.purpose,
    session_id: asked.session_id,
    request_id: asked.request_id,
    operation: request?.operation ?? '',
    statement: request === null ? '' : readableText(request.statement),
    statement_bytes: request?.statement_bytes ?? 0,
    statement_sha256: binding.statementSha256,
    is_cut: isCut,
    parameters: parameterViews(request),
    reads: [...(request?.reads ?? [])],
    writes: [...(request?.writes ?? [])],
    functions: [...(request?.functions ?? [])],
    requirements: (asked.approval?.requirements ?? []).map(requirementView),
    missing: missingApprovers(approval).map((each) => ({ ...each })),
    binding_sha256: approval.bindingSha256,
    policy_digest: asked.policy_digest?.toString('hex') ?? null,
    requested_at: instant(approval.requestedAtMs),
    expires_at: instant(approval.expiresAtMs),
    answers: answers.map(({ answer, atMs }) => ({
      decision_id: answer.decisionId,
      verdict: answer.verdict,
      reason: answer.reason,
      by: personOf(answer.by),
      at: instant(atMs),
    })),
    may_answer: seen.mayAnswer,
    may_override: seen.mayOverride,
    review:
      seen.override === null
        ? null
        : {
            due_at: instant(seen.override.due_at),
            is_overdue: isOverdue(seen.override, seen.nowMs),
            done: seen.override.review && reviewView(seen.override.review),
          },
  }
}

/** `asked`: the request that was overridden; null where its entry cannot be read any more. */
export function overrideView(
  override: OverrideUpdate,
  seen: {
    readonly asked: AuditEvent | null
    readonly mayReview: boolean
    readonly nowMs: number
  },
): Static<typeof OverrideView> {
  const statement = seen.asked?.request?.statement ?? null
  return {
    approval_id: override.approval_id,
    binding_sha256: override.binding_sha256,
    by: personOf(override.by),
    reason: override.reason,
    requester: personOf(override.requester),
    on_behalf_of: override.on_behalf_of.map(personOf),
    target: override.target,
    session_id: seen.asked?.session_id ?? null,
    statement: statement === null ? null : readableText(statement),
    parameters: parameterViews(seen.asked?.request ?? null),
    reviewer_roles: [...override.reviewer_roles],
    overridden_at: instant(override.overridden_at),
    due_at: instant(override.due_at),
    is_overdue: isOverdue(override, seen.nowMs),
    may_review: seen.mayReview,
    review: override.review && reviewView(override.review),
  }
}

export function requirementView(
  requirement: ApprovalPart['requirements'][number],
): Static<typeof RequirementView> {
  const { rule_id, role, approvers, break_glass } = requirement
  return { rule_id, role, approvers, break_glass: break_glass && { ...break_glass } }
}

function parameterViews(request: RequestPart | null): Static<typeof ApprovalView>['parameters'] {
  return (request?.parameters ?? []).map(({ format, value, value_bytes: bytes }) => ({
    format,
    bytes: value === null ? 0 : bytes,
    is_cut: value !== null && value.length < bytes,
    value: value === null ? null : format === 0 ? readableText(value) : value.toString('hex'),
  }))
}

function reviewView({ by, verdict, reason, reviewed_at: atMs }: OverrideReview) {
  return { by: personOf(by), verdict, reason, reviewed_at: instant(atMs) }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
