import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { Principal } from '../../../schemas/event.ts'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

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

const Requirement = Type.Object({
  rule_id: Type.String(),
  role: Type.String(),
  approvers: Type.Number(),
})

/** A request that policy holds, who asks and for whom, what it would do, and what was answered. */
export const ApprovalView = Type.Object({
  approval_id: Type.String(),
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('granted'),
    Type.Literal('denied'),
    Type.Literal('expired'),
    Type.Literal('used'),
  ]),
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
  parameters: Type.Array(Type.Object({ format: Type.Number(), value: nullable(Type.String()) })),
  reads: Type.Array(Type.String()),
  writes: Type.Array(Type.String()),
  functions: Type.Array(Type.String()),
  requirements: Type.Array(Requirement),
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
  requirements: Type.Array(Requirement),
  expires_at: Type.String(),
  reason: nullable(Type.String()),
  missing: nullable(Type.Number()),
  approvers: Type.Array(Person),
  log: Type.String(),
  position: Type.Number(),
})

export const ApprovalHistoryView = Type.Object({
  approval_id: Type.String(),
  steps: Type.Array(ApprovalStepView),
})

export const SessionApprovals = Type.Object({ approvals: Type.Array(ApprovalHistoryView) })

export const ApprovalList = Type.Object({ approvals: Type.Array(ApprovalView) })

export const ApprovalAnswer = Type.Object(
  {
    verdict: Type.Union([Type.Literal('grant'), Type.Literal('deny')]),
    reason: Type.String({ minLength: 1, maxLength: 2000 }),
    binding_sha256: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'Of what was looked at: an answer to something else is refused',
    }),
  },
  { additionalProperties: false },
)
