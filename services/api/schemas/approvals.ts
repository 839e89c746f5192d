import { Type } from 'typebox'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

const Person = Type.Object({
  kind: Type.String(),
  subject: Type.String(),
  issuer: Type.String(),
  display: nullable(Type.String()),
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
  requirements: Type.Array(
    Type.Object({ rule_id: Type.String(), role: Type.String(), approvers: Type.Number() }),
  ),
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
