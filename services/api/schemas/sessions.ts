import { Type } from 'typebox'

import { nullable } from './nullable.ts'

/** The shapes of `services/indexer/query.ts` on the wire. */

const text = nullable(Type.String())
const count = nullable(Type.Number())

/** A condition that is misspelt must not be taken for none. */
const nothingElse = { additionalProperties: false } as const

const conditions = {
  text: Type.Optional(Type.String({ maxLength: 1000, description: 'Words, "phrases", prefix*' })),
  actor: Type.Optional(Type.String({ maxLength: 300 })),
  target: Type.Optional(Type.String({ maxLength: 100 })),
  decision: Type.Optional(Type.Enum(['allow', 'block', 'hold', 'mask'])),
  outcome: Type.Optional(Type.Enum(['unknown', 'ok', 'error', 'cancelled', 'refused'])),
  kind: Type.Optional(Type.String({ maxLength: 100 })),
  relation: Type.Optional(Type.String({ maxLength: 300 })),
  approver: Type.Optional(Type.String({ maxLength: 300, description: 'Who approved or denied' })),
  session: Type.Optional(Type.String({ maxLength: 100 })),
  from: Type.Optional(Type.Number({ description: 'Milliseconds since 1970' })),
  to: Type.Optional(Type.Number({ description: 'Milliseconds since 1970' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  after: Type.Optional(Type.String({ maxLength: 500, description: '`next` of the page before' })),
}

export const FilterQuery = Type.Object(conditions, nothingElse)

const { limit, after, from, to, target, actor } = conditions
export const PageQuery = Type.Object({ limit, after }, nothingElse)
export const ActivityQuery = Type.Object({ from, to, target, actor }, nothingElse)

const PrincipalView = Type.Object({
  kind: Type.String(),
  subject: Type.String(),
  issuer: Type.String(),
  display: text,
})

export const ActorView = Type.Object({
  kind: Type.String(),
  subject: Type.String(),
  issuer: Type.String(),
  display: text,
  groups: Type.Array(Type.String()),
  on_behalf_of: Type.Array(PrincipalView),
  client: text,
  runtime: nullable(Type.Object({ name: Type.String(), version: text, model: text })),
})

export const SessionView = Type.Object({
  sessionId: Type.String(),
  producer: Type.String(),
  protocol: Type.String(),
  actor: ActorView,
  target: Type.String(),
  database: text,
  sourceAddress: Type.String(),
  startedAtMs: Type.Number(),
  endedAtMs: count,
  outcome: text,
  statements: Type.Number(),
  held: Type.Number({ description: 'Held, whatever became of it then' }),
  blocked: Type.Number(),
  errors: Type.Number(),
  rows: Type.Number(),
  log: Type.String(),
  position: Type.Number(),
})

export const SessionPage = Type.Object({ sessions: Type.Array(SessionView), next: text })

const masked = nullable(Type.Array(Type.Object({ dataClass: Type.String(), count: Type.Number() })))

const transaction = nullable(
  Type.Object(
    {
      state: Type.Enum(['open', 'committed', 'rolled_back', 'not_committed', 'unknown']),
      by: nullable(Type.String({ description: 'The request that ended it' })),
    },
    {
      description:
        'What became of the transaction in which it ran: `not_committed` where the session ended inside it, `unknown` where what is recorded does not tell; null where it ran in none that a statement began or ended, or did not run',
    },
  ),
)

export const StatementView = Type.Object({
  requestId: Type.String(),
  log: Type.String(),
  position: Type.Number(),
  completedPosition: count,
  responsePositions: Type.Array(Type.Number()),
  receivedAtMs: Type.Number(),
  operation: Type.String(),
  mode: Type.String(),
  statement: Type.String(),
  statementBytes: Type.Number(),
  decision: Type.String(),
  ruleIds: Type.Array(Type.String()),
  decisionId: text,
  outcome: text,
  transaction,
  commandTag: text,
  rows: count,
  bytesOut: count,
  durationUs: count,
  errorCode: text,
  errorMessage: text,
  masked,
  tokenKeyId: text,
})

export const StatementPage = Type.Object({ statements: Type.Array(StatementView), next: text })

export const HitView = Type.Object({
  log: Type.String(),
  position: Type.Number(),
  eventId: Type.String(),
  type: Type.String(),
  occurredAtMs: Type.Number(),
  sessionId: text,
  requestId: text,
  actor: Type.String(),
  actorKind: Type.String(),
  onBehalfOf: Type.Array(Type.String()),
  target: text,
  operation: text,
  statement: text,
  decision: text,
  ruleIds: Type.Array(Type.String()),
  /** What policy said first, whatever came after a hold. */
  decidedFirst: nullable(
    Type.Object({ decision: Type.String(), ruleIds: Type.Array(Type.String()) }),
  ),
  outcome: text,
  transaction,
  rows: count,
  durationUs: count,
  errorCode: text,
  masked,
  tokenKeyId: text,
  /** What the statement, if there is one, does not say: why a record was set aside, what is missing, who approved. */
  remark: text,
})

export const HitPage = Type.Object({ hits: Type.Array(HitView), next: text })

export const Activity = Type.Object({
  buckets: Type.Array(
    Type.Object({
      hourMs: Type.Number(),
      target: Type.String(),
      actor: Type.String(),
      operation: Type.String(),
      decision: Type.String(),
      outcome: Type.String(),
      count: Type.Number(),
      rows: Type.Number(),
    }),
  ),
})
