import { LRUCache } from 'lru-cache'

import type { AuditEvent } from '../../../schemas/event.ts'
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
import type { Query } from '../../indexer/query.ts'
import type { LedgerReader } from '../../ledger/reader.ts'
import type { Clock } from '../../runtime/clock.ts'
import { Problem } from '../problem.ts'
import { answerOf, bindingOf, wholeMs } from './approval-of-events.ts'
import type { GivenAnswer, TimedAnswer } from './approval-of-events.ts'
import { forgottenAt, isAfter, lifeKinds } from './edge-lives.ts'
import { ApprovalEvents } from './approval-events.ts'
import { ApprovalSearch } from './approval-search.ts'
import type { FoundEvents, SealedEvent } from './approval-search.ts'

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
  /** When the edge that asked stopped, or started anew, while it was open: no edge knows of it any more. Null where it does. */
  readonly forgottenAtMs: number | null
}

export type BookedAnswer =
  | { readonly ok: true; readonly booked: BookedApproval }
  | { readonly ok: false; readonly refusal: StepRefusal | 'forgotten' }

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
    const [lives, found] = await Promise.all([
      this.#ofKinds(lifeKinds, from),
      this.#ofKinds([...answerKinds, 'approval.used'], from),
    ])
    const steps = byApproval(found.flatMap(({ events }) => events))
    const ends = lives.flatMap(({ events }) => events)
    const listedFromMs = latest([
      requested.wholeFromMs,
      // Whatever became of it came after it, by clocks that differ a little.
      ...[...lives, ...found].map(({ wholeFromMs: ms }) =>
        ms === null ? null : ms + clockToleranceMs,
      ),
    ])
    const approvals = requested.events
      .map((asked) => this.#book(asked, steps.get(idOf(asked)) ?? [], ends))
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
    const [asked] = requested
    if (asked === undefined) return null
    const booked = this.#book(asked, found.flat(), await this.#endsAfter(asked, from))
    return booked === null ? null : this.whole(booked)
  }

  /** By their sealed answers, so what this process has noted comes a second or two later. */
  async answered(): Promise<AnsweredApprovals> {
    const { clock } = this.#options
    const from = this.#fromMs()
    const found = await this.#ofKinds(answerKinds, from)
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
    if (booked.forgottenAtMs !== null) return { ok: false, refusal: 'forgotten' }
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
    /** Of the lives of edges. */
    ends: readonly SealedEvent[],
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
      forgottenAtMs: forgottenAt(approval, asked, ends),
    }
  }

  /** Whole. See `eventAt`. */
  event(log: string, position: number): Promise<AuditEvent | null> {
    return this.#events.whole(log, position)
  }

  #ofKinds(kinds: readonly EventType[], from: number): Promise<readonly FoundEvents[]> {
    return Promise.all(kinds.map((kind) => this.#search.ofKind(kind, from)))
  }

  /** Throws a `Problem` where it is not known whether there are any. */
  async #endsAfter({ event }: SealedEvent, from: number): Promise<readonly SealedEvent[]> {
    const lives = await this.#ofKinds(lifeKinds, from)
    const ends = lives.flatMap(({ events }) => events).filter((end) => isAfter(end.event, event))
    const isKnown = lives.every(
      ({ wholeFromMs: ms }) => ms === null || wholeMs(event.occurred_at) >= ms + clockToleranceMs,
    )
    if (ends.length > 0 || isKnown) return ends
    throw new Problem(
      'unavailable',
      `edges have started so often since that it is not known whether ${event.producer} still knows of this approval, so it cannot be answered; the requester has to ask again`,
    )
  }

  #fromMs(): number {
    return this.#options.clock.nowMs() - longestMs
  }
}

/** What it is called where it is shown. */
export function stateOf({
  approval: { state },
  forgottenAtMs,
}: Pick<BookedApproval, 'approval' | 'forgottenAtMs'>): Approval['state']['kind'] | 'forgotten' {
  return forgottenAtMs === null ? state.kind : 'forgotten'
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
