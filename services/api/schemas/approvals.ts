import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { Principal } from '../../../schemas/event.ts'
import { nullable } from './nullable.ts'

const Person = Type.Object({
  kind: Type.String(),
  subject: Type.String(),
  issuer: Type.String(),
  display: nullable(Type.String()),
})

/** Without whatever else is known of them, such as their groups. */
export function personOf(of: Principal | null): Static<typeof Person> {
  return {
    kind: of?.kind ?? 'service',
    subject: of?.subject ?? '',
    issuer: of?.issuer ?? '',
    display: of?.display ?? null,
  }
}

export const RequirementView = Type.Object({
  rule_id: Type.String(),
  role: Type.String(),
  approvers: Type.Number(),
  break_glass: nullable(Type.Object({ role: Type.String(), review_within_hours: Type.Number() })),
})

const BoundValue = Type.Object({
  format: Type.Number(),
  value: nullable(Type.String()),
  bytes: Type.Number({ description: 'How long it is' }),
  is_cut: Type.Boolean({ description: 'Only the beginning of it is recorded, with its digest' }),
})

const OverrideReview = Type.Object({
  by: Person,
  verdict: Type.String(),
  reason: Type.String(),
  reviewed_at: Type.String(),
})

/** A hold that somebody behind the request overrode, and what another person says of that, or still has to. */
export const OverrideView = Type.Object({
  approval_id: Type.String(),
  binding_sha256: Type.String(),
  by: Person,
  reason: Type.String(),
  requester: Person,
  on_behalf_of: Type.Array(Person),
  target: Type.String(),
  session_id: nullable(Type.String()),
  /** Null where its entry was erased. */
  statement: nullable(Type.String()),
  parameters: Type.Array(BoundValue),
  reviewer_roles: Type.Array(Type.String()),
  overridden_at: Type.String(),
  due_at: Type.String(),
  is_overdue: Type.Boolean(),
  may_review: Type.Boolean({ description: 'Whether whoever reads this may review it' }),
  review: nullable(OverrideReview),
})

export const OverrideList = Type.Object({ overrides: Type.Array(OverrideView) })

const ApprovalState = Type.Enum(['pending', 'granted', 'denied', 'expired', 'used', 'forgotten'])

export const ApprovalQuery = Type.Object(
  { state: Type.Optional(ApprovalState) },
  { additionalProperties: false },
)

/** A request that policy holds, who asks and for whom, what it would do, and what was answered. */
export const ApprovalView = Type.Object({
  approval_id: Type.String(),
  state: ApprovalState,
  forgotten_at: nullable(
    Type.String({
      description:
        'When the edge that asked stopped or started anew while it was open: whoever asked has to send it again',
    }),
  ),
  edge: Type.String(),
  requester: Person,
  on_behalf_of: Type.Array(Person),
  target: Type.String(),
  database: Type.String(),
  role: Type.String(),
  search_path: nullable(Type.String()),
  purpose: nullable(Type.String()),
  session_id: nullable(Type.String()),
  request_id: nullable(Type.String()),
  operation: Type.String(),
  statement: Type.String(),
  statement_bytes: Type.Number(),
  statement_sha256: Type.String(),
  is_cut: Type.Boolean({
    description:
      'The statement is only its beginning, and the values are left out: asked for by its id, it has them',
  }),
  parameters: Type.Array(BoundValue),
  reads: Type.Array(Type.String()),
  writes: Type.Array(Type.String()),
  functions: Type.Array(Type.String()),
  requirements: Type.Array(RequirementView),
  missing: Type.Array(Type.Object({ role: Type.String(), count: Type.Number() })),
  binding_sha256: Type.String(),
  policy_digest: nullable(Type.String()),
  requested_at: Type.String(),
  expires_at: Type.String(),
  answers: Type.Array(
    Type.Object({
      decision_id: Type.String(),
      verdict: Type.String(),
      reason: Type.String(),
      by: Person,
      at: Type.String({ description: 'When it was given' }),
    }),
  ),
  may_answer: Type.Boolean({
    description: 'Whether whoever reads this may approve or deny it now',
  }),
  may_override: Type.Boolean({ description: 'Whether whoever reads this may break the glass now' }),
  review: nullable(
    Type.Object({
      due_at: Type.String(),
      is_overdue: Type.Boolean(),
      done: nullable(OverrideReview),
    }),
  ),
})

/** One event of an approval, with the place where it is sealed. */
export const ApprovalStepView = Type.Object({
  type: Type.String(),
  at: Type.String(),
  actor: Person,
  on_behalf_of: Type.Array(Person),
  session_id: nullable(Type.String()),
  request_id: nullable(Type.String()),
  requirements: Type.Array(RequirementView),
  expires_at: Type.String(),
  reason: nullable(Type.String()),
  missing: nullable(Type.Number()),
  approvers: Type.Array(Person),
  override: nullable(
    Type.Object({
      by: Person,
      due_at: nullable(Type.String()),
      verdict: nullable(Type.String()),
    }),
  ),
  log: Type.String(),
  position: Type.Number(),
})

export const ApprovalHistoryView = Type.Object({
  approval_id: Type.String(),
  steps: Type.Array(ApprovalStepView),
})

export const SessionApprovals = Type.Object({
  approvals: Type.Array(ApprovalHistoryView),
  is_cut: Type.Boolean({
    description:
      'True when there are more approvals, or more steps of one, than are told here: the newest are',
  }),
})

export const ApprovalList = Type.Object({
  approvals: Type.Array(ApprovalView),
  listed_from: nullable(
    Type.String({
      description:
        'So much was held that what was asked before is left out: it is found, and answered, by its id',
    }),
  ),
})

const said = {
  reason: Type.String({ minLength: 1, maxLength: 2000 }),
  binding_sha256: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'Of what was looked at: an answer to something else is refused',
  }),
}

export const ApprovalAnswer = Type.Object(
  { verdict: Type.Union([Type.Literal('grant'), Type.Literal('deny')]), ...said },
  { additionalProperties: false },
)

export const BreakGlass = Type.Object(said, { additionalProperties: false })

export const ReviewOfOverride = Type.Object(
  {
    verdict: Type.Union([Type.Literal('justified'), Type.Literal('not_justified')]),
    ...said,
  },
  { additionalProperties: false },
)
