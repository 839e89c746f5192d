import { LRUCache } from 'lru-cache'

import type { AuditEvent, ApprovalPart } from '../../../schemas/event.ts'
import type { EventType } from '../../../schemas/event-types.ts'
import {
  answerApproval,
  clockToleranceMs,
  grantLifetimeMs,
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
import { ApprovalSearch } from './approval-search.ts'
import type { SealedEvent } from './approval-search.ts'

export interface ApprovalBookOptions {
  readonly query: Query
  readonly reader: LedgerReader
  readonly clock: Clock
  /** How many events of one kind a list is made of. */
  readonly mostOfKind?: number
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

/** What was held. */
export interface BookedApprovals {
  /** Newest first. */
  readonly approvals: readonly BookedApproval[]
  /** What was asked before is left out, in milliseconds since 1970; null where all of the last day is there. */
  readonly listedFromMs: number | null
}

/** Approvals that somebody has answered, and that may still be of use to an edge, or wait for their review. */
export interface AnsweredApprovals {
  /** The last answered first. */
  readonly ids: readonly string[]
  /** There are others, answered earlier. */
  readonly isCut: boolean
}

interface GivenAnswer extends TimedAnswer {
  /** Of an override. */
  readonly reviewDueMs: number | null
}

/** No approval waits longer, so what is older is over. */
const hourMs = 3_600_000
const longestMs = 25 * hourMs
const mostOfKind = 20_000
const answerKinds = ['approval.granted', 'approval.denied', 'approval.overridden'] as const

/**
 * The approvals of the last day. Their state is not kept anywhere but in sealed events, so a restart forgets none. An answer counts
 * from the moment it is given, although it takes a second or two to be sealed and found.
 */
export class ApprovalBook {
  readonly #options: ApprovalBookOptions
  readonly #events: ApprovalEvents
  readonly #search: ApprovalSearch
  /** Answers of this process, by approval, until they are found among the sealed ones. */
  readonly #fresh = new LRUCache<string, GivenAnswer[]>({ max: mostOfKind })

  constructor(options: ApprovalBookOptions) {
    this.#options = options
    this.#events = new ApprovalEvents(options.reader)
    const most = options.mostOfKind ?? mostOfKind
    this.#search = new ApprovalSearch(options.query, this.#events, most)
  }

  /**
   * Those of which all is known. Where too much has happened for that, those asked earlier are left out, which is said; each is found by
   * its id all the same. Those with long statements are cut: `whole` has all of them.
   */
  async all(): Promise<BookedApprovals> {
    const from = this.#fromMs()
    const requested = await this.#search.ofKind('approval.requested', from)
    const found = await Promise.all(
      [...answerKinds, 'approval.used' as const].map((kind) => this.#search.ofKind(kind, from)),
    )
    const steps = byApproval(found.flatMap(({ events }) => events))
    const listedFromMs = latest([
      requested.wholeFromMs,
      // Whatever became of it came after it, by clocks that differ a little.
      ...found.map(({ wholeFromMs: ms }) => (ms === null ? null : ms + clockToleranceMs)),
    ])
    const approvals = requested.events
      .map((asked) => this.#book(asked, steps.get(idOf(asked)) ?? []))
      .filter((booked) => booked !== null)
      .filter(({ approval }) => approval.requestedAtMs >= (listedFromMs ?? 0))
      .toSorted((one, other) => other.approval.requestedAtMs - one.approval.requestedAtMs)
    return { approvals, listedFromMs }
  }

  /** Whole, with all that became of it, however much happened since. Throws a `Problem` where that cannot be known. */
  async find(approvalId: string): Promise<BookedApproval | null> {
    const from = this.#fromMs()
    const [requested = [], ...found] = await Promise.all(
      (['approval.requested', ...answerKinds, 'approval.used'] as const).map((kind) =>
        this.#search.ofApproval(kind, approvalId, from),
      ),
    )
    for (const asked of requested) {
      const booked = this.#book(asked, found.flat())
      if (booked !== null) return this.whole(booked)
    }
    return null
  }

  /** By their sealed answers, so what this process has noted comes a second or two later. */
  async answered(): Promise<AnsweredApprovals> {
    const { clock } = this.#options
    const from = this.#fromMs()
    const found = await Promise.all(answerKinds.map((kind) => this.#search.ofKind(kind, from)))
    const mayMatter = found
      .flatMap(({ events }) => events)
      .filter(({ event: { type, occurred_at: atUs, approval } }) => {
        const endMs = Math.max(wholeMs(approval?.expires_at ?? 0), wholeMs(atUs) + grantLifetimeMs)
        return type === 'approval.overridden' || clock.nowMs() < endMs
      })
      .toSorted((one, other) => other.event.occurred_at - one.event.occurred_at)
    return {
      ids: [...new Set(mayMatter.map(idOf))],
      isCut: found.some(({ wholeFromMs }) => wholeFromMs !== null),
    }
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
    /** Of this approval, whatever their order. */
    steps: readonly SealedEvent[],
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
    const sealed = steps
      .filter(({ event: { type } }) => type !== 'approval.used')
      .map(({ event }) => answerOf(event))
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
    const use = steps.find(({ event: { type } }) => type === 'approval.used')
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

  /** Whole. See `eventAt`. */
  event(log: string, position: number): Promise<AuditEvent | null> {
    return this.#events.whole(log, position)
  }

  #fromMs(): number {
    return this.#options.clock.nowMs() - longestMs
  }
}

function idOf({ event }: SealedEvent): string {
  return event.approval?.approval_id ?? ''
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((ms) => ms !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function byApproval(events: readonly SealedEvent[]): ReadonlyMap<string, readonly SealedEvent[]> {
  const found = new Map<string, SealedEvent[]>()
  for (const sealed of events) {
    const id = idOf(sealed)
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
