import type {
  ApprovalAnswer,
  ApprovalUpdate,
  OverrideUpdate,
} from '../../../../../schemas/control.ts'
import { requestApproval } from '../../../../../services/edge/guard/approvals/approval.ts'
import type {
  Answer,
  Approval,
} from '../../../../../services/edge/guard/approvals/approval-state.ts'
import { bindingSha256 } from '../../../../../services/edge/guard/approvals/hold-binding.ts'
import type { HoldBinding } from '../../../../../services/edge/guard/approvals/hold-binding.ts'

const issuer = 'https://issuer.test'

export function aBinding(changes: Partial<HoldBinding> = {}): HoldBinding {
  return {
    statementSha256: 'ab'.repeat(32),
    parametersSha256: 'cd'.repeat(32),
    target: 'shop',
    database: 'shop',
    role: 'affidavit_edge',
    searchPath: null,
    actor: { kind: 'agent', subject: 'shop-agent', issuer },
    onBehalfOf: [{ kind: 'human', subject: 'olivia', issuer }],
    policyDigest: 'ef'.repeat(32),
    requirements: [{ ruleId: 'deletes', role: 'owner', approvers: 1, breakGlass: null }],
    ...changes,
  }
}

export function anApproval(binding = aBinding(), changes: Partial<Approval> = {}): Approval {
  const requested = requestApproval({
    approvalId: 'approval-1',
    binding,
    bindingSha256: bindingSha256(binding),
    requestedAtMs: 0,
    expiresAtMs: 900_000,
  })
  return { ...requested, ...changes }
}

export function anAnswer(
  subject: string,
  changes: Partial<Omit<Answer, 'by'>> & { readonly by?: Partial<Answer['by']> } = {},
): Answer {
  const { by, ...rest } = changes
  return {
    decisionId: `decision-${subject}`,
    verdict: 'grant',
    reason: 'looked at it',
    by: {
      kind: 'human',
      subject,
      issuer,
      display: null,
      roles: ['owner'],
      isDelegated: false,
      ...by,
    },
    ...rest,
  }
}

export function anApprovalUpdate(
  binding: HoldBinding,
  changes: Partial<ApprovalUpdate> = {},
): ApprovalUpdate {
  return {
    kind: 'approval',
    version: 1,
    approval_id: 'approval-1',
    edge: 'edge-1',
    outcome: 'granted',
    binding_sha256: bindingSha256(binding),
    answers: [published(anAnswer('sam'))],
    ...changes,
  }
}

export function published({ decisionId, verdict, reason, by }: Answer): ApprovalAnswer {
  const { isDelegated, ...person } = by
  return { decision_id: decisionId, verdict, reason, by: { ...person, is_delegated: isDelegated } }
}

/** Held by a rule whose glass a person of the role on-call may break. */
export const breakable = aBinding({
  requirements: [
    {
      ruleId: 'deletes',
      role: 'owner',
      approvers: 1,
      breakGlass: { role: 'on-call', reviewWithinHours: 1 },
    },
  ],
})

export function anOverride(subject: string, by: Partial<Answer['by']> = {}): Answer {
  return anAnswer(subject, { verdict: 'override', by: { roles: ['on-call'], ...by } })
}

/** The review that is due after it, as an edge is told. */
export function anOverrideUpdate(changes: Partial<OverrideUpdate> = {}): OverrideUpdate {
  const olivia = { kind: 'human', subject: 'olivia', issuer, display: 'Olivia' } as const
  return {
    kind: 'override',
    version: 1,
    approval_id: 'approval-1',
    binding_sha256: bindingSha256(breakable),
    target: 'shop',
    by: olivia,
    reason: 'the shop is down',
    requester: { kind: 'agent', subject: 'shop-agent', issuer, display: null },
    on_behalf_of: [olivia],
    reviewer_roles: ['owner'],
    asked: { log: 'log', position: 1 },
    overridden_at: 0,
    due_at: 3_600_000,
    is_overdue_recorded: false,
    review: null,
    ...changes,
  }
}
