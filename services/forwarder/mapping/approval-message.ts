import type { AuditEvent, OverridePart, Principal } from '../../../schemas/event.ts'
import type { WebhookMessage } from './standard-webhook.ts'

/** Where an event was sealed, so that whoever is told can have it proven. */
export interface SealedPlace {
  readonly log: string
  readonly position: number
  readonly leafHash: Buffer
}

/** How long after an answer it is still news. */
const newsMs = 86_400_000

/**
 * What people are told of an approval: who asks for what, for whom, by which rules, and what came of it. Never the statement or its
 * parameters: those are for who signs in. Null for other events, and for what nobody waits for any more.
 */
export function approvalMessage(
  event: AuditEvent,
  place: SealedPlace,
  consoleUrl: string,
  nowMs: number,
): WebhookMessage | null {
  const { approval: part, actor, target } = event
  if (part === null) return null
  const occurredMs = event.occurred_at / 1000
  const expiresMs = part.expires_at / 1000
  const untilMs = event.type === 'approval.requested' ? expiresMs : occurredMs + newsMs
  if (nowMs >= untilMs) return null
  const data = {
    approval_id: part.approval_id,
    by: actor === null ? null : person(actor),
    on_behalf_of: actor?.on_behalf_of.map(person) ?? [],
    target: target?.name ?? null,
    database: part.database,
    rules: part.requirements.map(({ rule_id: rule, role, approvers }) => ({
      rule,
      role,
      approvers,
    })),
    statement_sha256: part.statement_sha256.toString('hex'),
    expires_at: new Date(expiresMs).toISOString(),
    reason: part.answer?.reason ?? null,
    answers_missing: part.answer?.missing ?? null,
    break_glass: part.override && breakGlass(part.override),
    console: new URL('/approvals', consoleUrl).href,
    sealed: {
      log: place.log,
      position: place.position,
      leaf_hash: place.leafHash.toString('base64'),
    },
  }
  const timestamp = new Date(occurredMs).toISOString()
  return { id: event.id, body: JSON.stringify({ type: event.type, timestamp, data }) }
}

/** Who broke the glass; until when that has to be reviewed, or what the reviewer said. */
function breakGlass({ by, due_at: dueUs, verdict }: OverridePart) {
  return {
    by: person(by),
    review_due_at: dueUs === null ? null : new Date(dueUs / 1000).toISOString(),
    verdict,
  }
}

function person({ kind, subject, issuer, display }: Principal): Principal {
  return { kind, subject, issuer, display }
}
