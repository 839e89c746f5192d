import type { ApprovalPart, AuditEvent } from '../../../schemas/event.ts'
import type { EventType } from '../../../schemas/event-types.ts'
import type { Answer } from '../../edge/guard/approvals/approval-state.ts'
import type { HoldBinding } from '../../edge/guard/approvals/hold-binding.ts'

export interface TimedAnswer {
  readonly answer: Answer
  readonly atMs: number
}

export interface GivenAnswer extends TimedAnswer {
  /** Of an override. */
  readonly reviewDueMs: number | null
}

/** What the hold binds the request to; null where nobody asks for anything. */
export function bindingOf(
  { actor, target, policy_digest: digest }: AuditEvent,
  part: ApprovalPart,
): HoldBinding | null {
  if (actor === null || target === null) return null
  return {
    statementSha256: part.statement_sha256.toString('hex'),
    parametersSha256: part.parameters_sha256.toString('hex'),
    target: target.name,
    database: part.database,
    role: part.role,
    searchPath: part.search_path,
    actor: { kind: actor.kind, subject: actor.subject, issuer: actor.issuer },
    onBehalfOf: actor.on_behalf_of.map(({ kind, subject, issuer }) => ({ kind, subject, issuer })),
    policyDigest: digest?.toString('hex') ?? '',
    requirements: part.requirements.map((each) => ({
      ruleId: each.rule_id,
      role: each.role,
      approvers: each.approvers === 2 ? 2 : 1,
      breakGlass: each.break_glass && {
        role: each.break_glass.role,
        reviewWithinHours: each.break_glass.review_within_hours,
      },
    })),
  }
}

const verdicts: Readonly<Partial<Record<EventType, Answer['verdict']>>> = {
  'approval.granted': 'grant',
  'approval.denied': 'deny',
  'approval.overridden': 'override',
}

/** An answer as it was recorded: the approver is the actor of its event. */
export function answerOf(event: AuditEvent): GivenAnswer {
  const { actor, approval, type } = event
  const dueUs = approval?.override?.due_at ?? null
  return {
    atMs: wholeMs(event.occurred_at),
    reviewDueMs: dueUs === null ? null : wholeMs(dueUs),
    answer: {
      decisionId: approval?.answer?.decision_id ?? event.id,
      verdict: verdicts[type] ?? 'deny',
      reason: approval?.answer?.reason ?? '',
      by: {
        kind: actor?.kind ?? 'service',
        subject: actor?.subject ?? '',
        issuer: actor?.issuer ?? '',
        display: actor?.display ?? null,
        roles: approval?.answer?.roles ?? [],
        isDelegated: (actor?.on_behalf_of.length ?? 0) > 0,
      },
    },
  }
}

/** Events count microseconds, edges take whole milliseconds only. Never later than it was. */
export function wholeMs(us: number): number {
  return Math.floor(us / 1000)
}
