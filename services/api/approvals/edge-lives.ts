import type { AuditEvent } from '../../../schemas/event.ts'
import { passTime } from '../../edge/guard/approvals/approval.ts'
import type { Approval } from '../../edge/guard/approvals/approval-state.ts'
import { wholeMs } from './approval-of-events.ts'
import type { SealedEvent } from './approval-search.ts'

/** After each an edge has forgotten what it asked before. */
export const lifeKinds = ['edge.started', 'edge.stopped'] as const

/** An edge numbers its events, also over restarts. */
export function isAfter(end: AuditEvent, asked: AuditEvent): boolean {
  return end.producer === asked.producer && end.producer_seq > asked.producer_seq
}

/** When the edge forgot the approval, in milliseconds since 1970; null where it was over before, or no life of the edge ended after it. */
export function forgottenAt(
  approval: Approval,
  asked: AuditEvent,
  ends: readonly Pick<SealedEvent, 'event'>[],
): number | null {
  const times = ends
    .filter(({ event }) => isAfter(event, asked))
    .map(({ event }) => wholeMs(event.occurred_at))
  if (times.length === 0) return null
  const atMs = Math.min(...times)
  // What was over before is not forgotten, but over.
  const { kind } = passTime(approval, atMs).approval.state
  return kind === 'pending' || kind === 'granted' ? atMs : null
}
