import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent, ApprovalPart } from '../../schemas/event.ts'
import { answerApproval, passTime, requestApproval } from '../edge/guard/approvals/approval.ts'
import type { Answer, Approval, StepRefusal } from '../edge/guard/approvals/approval-state.ts'
import { bindingSha256 } from '../edge/guard/approvals/hold-binding.ts'
import type { HoldBinding } from '../edge/guard/approvals/hold-binding.ts'
import type { Query } from '../indexer/query.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { Clock } from '../runtime/clock.ts'

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
}

export type BookedAnswer =
  | { readonly ok: true; readonly booked: BookedApproval }
  | { readonly ok: false; readonly refusal: StepRefusal }

/** No approval waits longer, so what is older is over. */
const longestMs = 25 * 3_600_000
const pageSize = 500
const mostKept = 20_000
const kinds = [
  'approval.requested',
  'approval.granted',
  'approval.denied',
  'approval.used',
] as const

/**
 * The approvals of the last day. Their state is not kept anywhere but in sealed events, so a restart forgets none. An answer counts
 * from the moment it is given, although it takes a second or two to be sealed and found.
 */
export class ApprovalBook {
  readonly #options: ApprovalBookOptions
  /** Entries do not change: by log and position. */
  readonly #events = new Map<string, AuditEvent | null>()
  /** Answers of this process, by approval, until they are found among the sealed ones. */
  readonly #fresh = new Map<string, { readonly answer: Answer; readonly atMs: number }[]>()

  constructor(options: ApprovalBookOptions) {
    this.#options = options
  }

  /** Newest first. */
  async all(): Promise<readonly BookedApproval[]> {
    const [requested = [], granted = [], denied = [], used = []] = await Promise.all(
      kinds.map((kind) => this.#eventsOf(kind)),
    )
    const answers = byApproval([...granted, ...denied])
    const uses = byApproval(used)
    return requested
      .map((asked) => this.#book(asked, answers, uses))
      .filter((booked) => booked !== null)
      .toSorted((one, other) => other.approval.requestedAtMs - one.approval.requestedAtMs)
  }

  async find(approvalId: string): Promise<BookedApproval | null> {
    const all = await this.all()
    return all.find(({ approval }) => approval.approvalId === approvalId) ?? null
  }

  /** What the answer would make of the approval. It counts only once it is noted. */
  tryAnswer(booked: BookedApproval, answer: Answer): BookedAnswer {
    const step = answerApproval(booked.approval, answer, this.#options.clock.nowMs())
    if (step.refusal !== null) return { ok: false, refusal: step.refusal }
    return { ok: true, booked: { ...booked, approval: step.approval } }
  }

  /** The answer is recorded. */
  note(approvalId: string, answer: Answer): void {
    const fresh = this.#fresh.get(approvalId) ?? []
    this.#fresh.set(approvalId, [...fresh, { answer, atMs: this.#options.clock.nowMs() }])
    const oldest = this.#fresh.keys().next().value
    if (this.#fresh.size > mostKept && oldest !== undefined) this.#fresh.delete(oldest)
  }

  #book(
    asked: AuditEvent,
    answers: ReadonlyMap<string, readonly AuditEvent[]>,
    uses: ReadonlyMap<string, readonly AuditEvent[]>,
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
      requestedAtMs: asked.occurred_at / 1000,
      expiresAtMs: part.expires_at / 1000,
    })
    const sealed = (answers.get(part.approval_id) ?? []).map(answerOf)
    const known = new Set(sealed.map(({ answer }) => answer.decisionId))
    const fresh = (this.#fresh.get(part.approval_id) ?? []).filter(
      ({ answer }) => !known.has(answer.decisionId),
    )
    for (const { answer, atMs } of [...sealed, ...fresh].sort((a, b) => a.atMs - b.atMs)) {
      approval = answerApproval(approval, answer, atMs).approval
    }
    const [use] = uses.get(part.approval_id) ?? []
    if (use !== undefined) {
      const atMs = use.occurred_at / 1000
      approval = { ...approval, state: { kind: 'used', atMs, requestId: use.request_id ?? '' } }
    }
    return {
      approval: passTime(approval, this.#options.clock.nowMs()).approval,
      edge: part.edge,
      asked,
    }
  }

  async #eventsOf(kind: string): Promise<readonly AuditEvent[]> {
    const { query, clock } = this.#options
    const from = clock.nowMs() - longestMs
    const found: AuditEvent[] = []
    let after: string | null = null
    do {
      const page = { limit: pageSize, ...(after === null ? {} : { after }) }
      const { hits, next } = await query.search({ kind, from }, page)
      for (const { log, position } of hits) {
        const event = await this.#event(log, position)
        if (event !== null) found.push(event)
      }
      after = next
    } while (after !== null && found.length < mostKept)
    return found
  }

  async #event(log: string, position: number): Promise<AuditEvent | null> {
    const key = `${log}:${position}`
    const known = this.#events.get(key)
    if (known !== undefined) return known
    const { payload } = await this.#options.reader.entry(log, position)
    const event = payload === null ? null : decodeEvent(payload)
    this.#events.set(key, event)
    const oldest = this.#events.keys().next().value
    if (this.#events.size > mostKept && oldest !== undefined) this.#events.delete(oldest)
    return event
  }
}

function byApproval(events: readonly AuditEvent[]): ReadonlyMap<string, readonly AuditEvent[]> {
  const found = new Map<string, AuditEvent[]>()
  for (const event of events) {
    const id = event.approval?.approval_id ?? ''
    const list = found.get(id)
    if (list === undefined) found.set(id, [event])
    else list.push(event)
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
    requirements: part.requirements.map(({ rule_id: ruleId, role, approvers }) => ({
      ruleId,
      role,
      approvers: approvers === 2 ? 2 : 1,
    })),
  }
}

/** An answer as it was recorded: the approver is the actor of its event. */
function answerOf(event: AuditEvent): { readonly answer: Answer; readonly atMs: number } {
  const { actor, approval, type } = event
  return {
    atMs: event.occurred_at / 1000,
    answer: {
      decisionId: approval?.answer?.decision_id ?? event.id,
      verdict: type === 'approval.granted' ? 'grant' : 'deny',
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
