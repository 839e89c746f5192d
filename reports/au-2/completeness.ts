import type { AuditEvent } from '../../schemas/event.ts'

/** The six parts of AU-3, a to f. */
export const contentParts = ['what', 'when', 'where', 'source', 'outcome', 'identity'] as const
export type ContentPart = (typeof contentParts)[number]

/** Types that happen on behalf of somebody, so a record must say who and from where. */
const acted: ReadonlySet<string> = new Set([
  'session.started',
  'session.ended',
  'auth.succeeded',
  'access.denied',
  'credential.issued',
  'request.received',
  'request.decided',
  'request.completed',
  'response.recorded',
  'report.downloaded',
  'evidence.viewed',
  'evidence.searched',
  'evidence.exported',
])
/** Types that happen at a target. */
const targeted: ReadonlySet<string> = new Set([
  'session.started',
  'session.ended',
  'request.received',
  'request.decided',
  'request.completed',
  'response.recorded',
])

/** Which parts this event's type calls for, and whether they are there. The outcome of an `auth.failed` is its type. */
export function contentOf(event: AuditEvent): ReadonlyMap<ContentPart, boolean> {
  const parts = new Map<ContentPart, boolean>([
    ['what', event.type !== 'unknown'],
    ['when', event.occurred_at > 0],
    ['where', event.producer !== '' && (!targeted.has(event.type) || event.target !== null)],
  ])
  if (acted.has(event.type) || event.type === 'auth.failed') {
    parts.set('source', (event.source?.address ?? '') !== '')
  }
  if (acted.has(event.type)) parts.set('identity', (event.actor?.subject ?? '') !== '')
  const outcome = outcomeOf(event)
  if (outcome !== undefined) parts.set('outcome', outcome !== null && outcome !== 'unknown')
  return parts
}

/** Undefined for types that have no outcome of their own. A request that was not decided yet has none. */
function outcomeOf({ type, decision, completion, session }: AuditEvent): string | null | undefined {
  if (type === 'request.received') return decision?.outcome
  if (type === 'request.decided') return decision?.outcome ?? null
  if (type === 'request.completed') return completion?.outcome ?? null
  if (type === 'session.ended') return session?.outcome ?? null
  return undefined
}
