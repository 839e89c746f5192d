import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent, EventType } from '../../schemas/event.ts'
import type { Hit, Query } from '../indexer/query.ts'
import type { LedgerReader } from '../ledger/reader.ts'

/** An event of an approval, and where it is sealed. */
export interface ApprovalStep {
  readonly event: AuditEvent
  readonly log: string
  readonly position: number
}

/** All that is sealed of one approval, in the order of time. */
export interface ApprovalHistory {
  readonly approvalId: string
  readonly steps: readonly ApprovalStep[]
}

export interface ApprovalHistoryOptions {
  readonly query: Query
  readonly reader: LedgerReader
}

const stepTypes: ReadonlySet<string> = new Set<EventType>([
  'approval.requested',
  'approval.granted',
  'approval.denied',
  'approval.expired',
  'approval.used',
  'approval.overridden',
  'override.reviewed',
  'override.overdue',
])
const pageSize = 500
const mostApprovals = 200

/**
 * The approvals that statements of a session asked for or ran by, from the sealed entries, oldest first: at most 200. One may have been
 * asked for in one session and used in another of the same actor.
 */
export async function approvalsOfSession(
  options: ApprovalHistoryOptions,
  sessionId: string,
): Promise<readonly ApprovalHistory[]> {
  const ids = new Set<string>()
  for (const kind of ['approval.requested', 'approval.used']) {
    const { hits } = await options.query.search({ session: sessionId, kind }, { limit: pageSize })
    for (const { event } of await stepsOf(options, hits)) {
      if (event.approval !== null) ids.add(event.approval.approval_id)
    }
  }
  const histories: ApprovalHistory[] = []
  for (const approvalId of [...ids].slice(0, mostApprovals)) {
    histories.push(await historyOf(options, approvalId))
  }
  return histories.toSorted((one, other) => startedAt(one) - startedAt(other))
}

async function historyOf(
  options: ApprovalHistoryOptions,
  approvalId: string,
): Promise<ApprovalHistory> {
  const { hits } = await options.query.search({ text: `"${approvalId}"` }, { limit: pageSize })
  const found = await stepsOf(
    options,
    hits.filter(({ type }) => stepTypes.has(type)),
  )
  // Others may speak of it, such as a search for its id.
  const steps = found.filter(({ event }) => event.approval?.approval_id === approvalId)
  return {
    approvalId,
    steps: steps.toSorted((one, other) => one.event.occurred_at - other.event.occurred_at),
  }
}

async function stepsOf(
  { reader }: ApprovalHistoryOptions,
  hits: readonly Hit[],
): Promise<readonly ApprovalStep[]> {
  const steps: ApprovalStep[] = []
  for (const { log, position } of hits) {
    const { payload } = await reader.entry(log, position)
    if (payload !== null) steps.push({ event: decodeEvent(payload), log, position })
  }
  return steps
}

function startedAt({ steps }: ApprovalHistory): number {
  return steps[0]?.event.occurred_at ?? 0
}
