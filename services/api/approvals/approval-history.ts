import type { AuditEvent } from '../../../schemas/event.ts'
import type { EventType } from '../../../schemas/event-types.ts'
import type { Hit, Query } from '../../indexer/query.ts'
import type { LedgerReader } from '../../ledger/reader.ts'
import { eventAt } from '../sealed-event.ts'
import { hitPages } from './hit-pages.ts'

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
/** For one approval: an agent that runs what is held again and again leaves a refusal with its id each time. */
const mostPages = 20
const mostApprovals = 200

/** `isCut`: there is more than was looked through. */
export interface SessionApprovalHistory {
  readonly approvals: readonly ApprovalHistory[]
  readonly isCut: boolean
}

/**
 * The approvals that statements of a session asked for or ran by, from the sealed entries, oldest first: the newest 200. One may have
 * been asked for in one session and used in another of the same actor.
 */
export async function approvalsOfSession(
  options: ApprovalHistoryOptions,
  sessionId: string,
): Promise<SessionApprovalHistory> {
  const ids = new Set<string>()
  let isCut = false
  for (const kind of ['approval.requested', 'approval.used']) {
    const ofKind = new Set<string>()
    for await (const hits of hitPages(options.query, { session: sessionId, kind })) {
      for (const { event } of await stepsOf(options, hits)) {
        if (event.approval !== null) ofKind.add(event.approval.approval_id)
      }
      if (ofKind.size > mostApprovals) break
    }
    isCut ||= ofKind.size > mostApprovals
    for (const id of [...ofKind].slice(0, mostApprovals)) ids.add(id)
  }
  isCut ||= ids.size > mostApprovals
  const histories: ApprovalHistory[] = []
  for (const approvalId of [...ids].slice(0, mostApprovals)) {
    const history = await historyOf(options, approvalId)
    histories.push(history.history)
    isCut ||= history.isCut
  }
  return { approvals: histories.toSorted((one, other) => startedAt(one) - startedAt(other)), isCut }
}

async function historyOf(
  options: ApprovalHistoryOptions,
  approvalId: string,
): Promise<{ readonly history: ApprovalHistory; readonly isCut: boolean }> {
  const steps: ApprovalStep[] = []
  let pages = 0
  for await (const hits of hitPages(options.query, { text: `"${approvalId}"` })) {
    pages += 1
    if (pages > mostPages) break
    // Others may speak of it, such as a refusal, or a search for its id.
    const found = await stepsOf(
      options,
      hits.filter(({ type }) => stepTypes.has(type)),
    )
    steps.push(...found.filter(({ event }) => event.approval?.approval_id === approvalId))
  }
  steps.sort((one, other) => one.event.occurred_at - other.event.occurred_at)
  return { history: { approvalId, steps }, isCut: pages > mostPages }
}

async function stepsOf(
  { reader }: ApprovalHistoryOptions,
  hits: readonly Hit[],
): Promise<readonly ApprovalStep[]> {
  const steps: ApprovalStep[] = []
  for (const { log, position } of hits) {
    const event = await eventAt(reader, log, position)
    if (event !== null) steps.push({ event, log, position })
  }
  return steps
}

function startedAt({ steps }: ApprovalHistory): number {
  return steps[0]?.event.occurred_at ?? 0
}
