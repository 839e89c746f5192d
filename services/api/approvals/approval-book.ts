import { LRUCache } from 'lru-cache'

import type { AuditEvent, ApprovalPart } from '../../../schemas/event.ts'
import type { EventType } from '../../../schemas/event-types.ts'
import {
  answerApproval,
  passTime,
  requestApproval,
  reviewWithinHours,
} from '../../edge/guard/approvals/approval.ts'
import type { Answer, Approval, StepRefusal } from '../../edge/guard/approvals/approval-state.ts'
import { bindingSha256 } from '../../edge/guard/approvals/hold-binding.ts'
import type { HoldBinding } from '../../edge/guard/approvals/hold-binding.ts'
import type { Query } from '../../indexer/query.ts'
import type { LedgerReader } from '../../ledger/reader.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ApprovalEvents } from './approval-events.ts'
import type { Beginning } from './approval-events.ts'

export interface ApprovalBookOptions {
  readonly query: Query
  readonly reader: LedgerReader
  readonly clock: Clock
}

/** An approval as the sealed events tell it, with the event that asked. */
export interface BookedApproval {
  readonly approval: Approval
  /** Id of the edge that asked. */
  readonly edge: string
  readonly asked: AuditEvent
  /** True where the statement of `asked` is only its beginning, and the values are not there. */
  readonly isCut: boolean
  /** Where that event is sealed. */
  readonly askedAt: { readonly log: string; readonly position: number }
  /** Those of `approval`, with when each was given. */
  readonly answers: readonly TimedAnswer[]
  /** Until when an override of it has to be reviewed; null where nobody broke the glass. */
  readonly reviewDueMs: number | null
}

export interface TimedAnswer {
  readonly answer: Answer
  readonly atMs: number
}

export type BookedAnswer =
  | { readonly ok: true; readonly booked: BookedApproval }
  | { readonly ok: false; readonly refusal: StepRefusal }

interface GivenAnswer extends TimedAnswer {
  /** Of an override. */
  readonly reviewDueMs: number | null
}

interface SealedEvent extends Beginning {
  readonly log: string
  readonly position: number
}

/** No approval waits longer, so what is older is over. */
const hourMs = 3_600_000
const longestMs = 25 * hourMs
const pageSize = 500
const mostKept = 20_000
const kinds = [
  'approval.requested',
  'approval.granted',
  'approval.denied',
  'approval.overridden',
  'approval.used',
] as const

/**
 * The approvals of the last day. Their state is not kept anywhere but in sealed events, so a restart forgets none. An answer counts
 * from the moment it is given, although it takes a second or two to be sealed and found.
 */
export class ApprovalBook {
  readonly #options: ApprovalBookOptions
  readonly #events: ApprovalEvents
  /** Answers of this process, by approval, until they are found among the sealed ones. */
  readonly #fresh = new LRUCache<string, GivenAnswer[]>({ max: mostKept })

  constructor(options: ApprovalBookOptions) {
    this.#options = options
    this.#events = new ApprovalEvents(options.reader)
  }

  /** Newest first. Those with long statements are cut: `whole` has all of them. */
  async all(): Promise<readonly BookedApproval[]> {
    const [requested = [], granted = [], denied = [], overridden = [], used = []] =
      await Promise.all(kinds.map((kind) => this.#eventsOf(kind)))
    const answers = byApproval([...granted, ...denied, ...overridden])
    const uses = byApproval(used)
    return requested
      .map((asked) => this.#book(asked, answers, uses))
      .filter((booked) => booked !== null)
      .toSorted((one, other) => other.approval.requestedAtMs - one.approval.requestedAtMs)
  }

  /** Whole. */
  async find(approvalId: string): Promise<BookedApproval | null> {
    const all = await this.all()
    const found = all.find(({ approval }) => approval.approvalId === approvalId)
    return found === undefined ? null : this.whole(found)
  }

  /** With all that is recorded of what was asked, as long as it is not erased. */
  async whole(booked: BookedApproval): Promise<BookedApproval> {
    if (!booked.isCut) return booked
    const { log, position } = booked.askedAt
    const asked = await this.event(log, position)
    return asked === null ? booked : { ...booked, asked, isCut: false }
  }

  /** What the answer would make of the approval. It counts only once it is noted. */
  tryAnswer(booked: BookedApproval, answer: Answer): BookedAnswer {
    const nowMs = this.#options.clock.nowMs()
    const { approval, refusal } = answerApproval(booked.approval, answer, nowMs)
    if (refusal !== null) return { ok: false, refusal }
    const hours = answer.verdict === 'override' ? reviewWithinHours(approval) : null
    const reviewDueMs = hours === null ? booked.reviewDueMs : nowMs + hours * hourMs
    const answers = [...booked.answers, { answer, atMs: nowMs }]
    return { ok: true, booked: { ...booked, approval, answers, reviewDueMs } }
  }

  /** The answer is recorded. */
  note({ approval: { approvalId }, reviewDueMs }: BookedApproval, answer: Answer): void {
    const fresh = this.#fresh.get(approvalId) ?? []
    const atMs = this.#options.clock.nowMs()
    this.#fresh.set(approvalId, [...fresh, { answer, atMs, reviewDueMs }])
  }

  #book(
    { event: asked, isCut, ...askedAt }: SealedEvent,
    answers: ReadonlyMap<string, readonly SealedEvent[]>,
    uses: ReadonlyMap<string, readonly SealedEvent[]>,
  ): BookedApproval | null {
    const part = asked.approval
    const binding = part === null ? null : bindingOf(asked, part)
    if (part === null || binding === null) return null
    // An edge that binds one thing and asks for another gets no answer.
    const sha256 = part.binding_sha256.toString('hex')
    if (bindingSha256(binding) !== sha256) return null
    let approval = requestApproval({
      approvalId: part.approval_id,
      binding,
      bindingSha256: sha256,
      owners: [],
      requestedAtMs: wholeMs(asked.occurred_at),
      expiresAtMs: wholeMs(part.expires_at),
    })
    const sealed = (answers.get(part.approval_id) ?? []).map(({ event }) => answerOf(event))
    const known = new Set(sealed.map(({ answer }) => answer.decisionId))
    const fresh = (this.#fresh.get(part.approval_id) ?? []).filter(
      ({ answer }) => !known.has(answer.decisionId),
    )
    const given = [...sealed, ...fresh].sort((a, b) => a.atMs - b.atMs)
    const taken: TimedAnswer[] = []
    let reviewDueMs: number | null = null
    for (const { answer, atMs, reviewDueMs: dueMs } of given) {
      const step = answerApproval(approval, answer, atMs)
      approval = step.approval
      if (step.refusal !== null) continue
      taken.push({ answer, atMs })
      reviewDueMs ??= dueMs
    }
    const [use] = uses.get(part.approval_id) ?? []
    if (use !== undefined) {
      const { occurred_at: atUs, request_id: requestId } = use.event
      approval = {
        ...approval,
        state: { kind: 'used', atMs: wholeMs(atUs), requestId: requestId ?? '' },
      }
    }
    return {
      approval: passTime(approval, this.#options.clock.nowMs()).approval,
      edge: part.edge,
      asked,
      isCut,
      askedAt,
      answers: taken,
      reviewDueMs,
    }
  }

  async #eventsOf(kind: string): Promise<readonly SealedEvent[]> {
    const { query, clock } = this.#options
    const from = clock.nowMs() - longestMs
    const found: SealedEvent[] = []
    let after: string | null = null
    do {
      const page = { limit: pageSize, ...(after === null ? {} : { after }) }
      const { hits, next } = await query.search({ kind, from }, page)
      for (const { log, position } of hits) {
        const beginning = await this.#events.beginning(log, position)
        if (beginning !== null) found.push({ ...beginning, log, position })
      }
      after = next
    } while (after !== null && found.length < mostKept)
    return found
  }

  /** Whole. See `eventAt`. */
  event(log: string, position: number): Promise<AuditEvent | null> {
    return this.#events.whole(log, position)
  }
}

function byApproval(events: readonly SealedEvent[]): ReadonlyMap<string, readonly SealedEvent[]> {
  const found = new Map<string, SealedEvent[]>()
  for (const sealed of events) {
    const id = sealed.event.approval?.approval_id ?? ''
    const list = found.get(id)
    if (list === undefined) found.set(id, [sealed])
    else list.push(sealed)
  }
  return found
}

function bindingOf(
  { actor, target, policy_digest: digest }: AuditEvent,
  part: ApprovalPart,
): HoldBinding | null {
  if (actor === null || target === null) return null
  return {
    statementSha256: part.statement_sha256.toString('hex'),
    parametersSha256: part.parameters_sha256.toString('hex'),
    target: target.name,
    database: part.database,
    role: part.role,
    searchPath: part.search_path,
    actor: { kind: actor.kind, subject: actor.subject, issuer: actor.issuer },
    onBehalfOf: actor.on_behalf_of.map(({ kind, subject, issuer }) => ({ kind, subject, issuer })),
    policyDigest: digest?.toString('hex') ?? '',
    requirements: part.requirements.map((each) => ({
      ruleId: each.rule_id,
      role: each.role,
      approvers: each.approvers === 2 ? 2 : 1,
      breakGlass: each.break_glass && {
        role: each.break_glass.role,
        reviewWithinHours: each.break_glass.review_within_hours,
      },
    })),
  }
}

const verdicts: Readonly<Partial<Record<EventType, Answer['verdict']>>> = {
  'approval.granted': 'grant',
  'approval.denied': 'deny',
  'approval.overridden': 'override',
}

/** An answer as it was recorded: the approver is the actor of its event. */
function answerOf(event: AuditEvent): GivenAnswer {
  const { actor, approval, type } = event
  const dueUs = approval?.override?.due_at ?? null
  return {
    atMs: wholeMs(event.occurred_at),
    reviewDueMs: dueUs === null ? null : wholeMs(dueUs),
    answer: {
      decisionId: approval?.answer?.decision_id ?? event.id,
      verdict: verdicts[type] ?? 'deny',
      reason: approval?.answer?.reason ?? '',
      by: {
        kind: actor?.kind ?? 'service',
        subject: actor?.subject ?? '',
        issuer: actor?.issuer ?? '',
        display: actor?.display ?? null,
        roles: approval?.answer?.roles ?? [],
        isDelegated: (actor?.on_behalf_of.length ?? 0) > 0,
      },
    },
  }
}

/** Events count microseconds, edges take whole milliseconds only. Never later than it was. */
function wholeMs(us: number): number {
  return Math.floor(us / 1000)
}
