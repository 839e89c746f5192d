import { isDeepStrictEqual } from 'node:util'

import type { ApprovalUpdate } from '../../../../schemas/control.ts'
import type { Clock } from '../../../runtime/clock.ts'
import {
  answerApproval,
  clockToleranceMs,
  grantLifetimeMs,
  overrideOf,
  passTime,
  requestApproval,
  useApproval,
} from './approval.ts'
import type { Answer, Approval, StepRefusal } from './approval-state.ts'
import { bindingSha256 } from './hold-binding.ts'
import type { HoldBinding } from './hold-binding.ts'
import { defaultHoldLimits, whyNotAsked } from './hold-limits.ts'
import type { Held, HoldLimits } from './hold-limits.ts'
import { Overrides } from './overrides.ts'
import type { OverrideBar } from './overrides.ts'

export interface HeldRequestsOptions {
  /** The edge's id: an answer for another edge is none for this one, or it could be used once at each. */
  readonly edge: string
  readonly clock: Clock
  readonly newId: () => string
  readonly limits?: Partial<HoldLimits>
}

export interface HoldTerms {
  /** How long it may be answered. */
  readonly expiresMs: number
  /** Of statement and values, as whoever answers reads them. */
  readonly sizeBytes: number
}

/** What a held request gets. */
export type Asked =
  /** It may run, now and once: the grant is gone, whatever becomes of the request. */
  | { readonly kind: 'granted'; readonly approval: Approval }
  /** Somebody has been asked; with `isNew` by this very call. */
  | { readonly kind: 'pending'; readonly approval: Approval; readonly isNew: boolean }
  | { readonly kind: 'denied'; readonly approval: Approval }
  /** What was to be asked or used could not be recorded: nothing is asked for, and the grant is there still. */
  | { readonly kind: 'unrecorded' }
  /** It is not asked for: too much waits already, or the time is not known. In words for the person who asked. */
  | { readonly kind: 'refused'; readonly reason: string }

export type AppliedAnswer =
  | 'applied'
  | 'repeated'
  | 'not_ours'
  | 'not_asked'
  | 'other_binding'
  | 'other_outcome'
  | 'review_not_told'
  | OverrideBar
  | StepRefusal

/**
 * What an edge has asked approval for, and what was answered. It takes an answer only for what this very process has asked for, and
 * follows it by the rules of `approval.ts`, whoever signed it. After a restart nobody can say what ran before it, so all that was
 * open is asked for anew: a grant is good for one use, restarts included, and nothing has to be kept on disk for that.
 */
export class HeldRequests {
  /** What was overridden here or elsewhere, and whether it is reviewed. */
  readonly overrides = new Overrides()
  readonly #options: HeldRequestsOptions
  readonly #limits: HoldLimits
  readonly #byId = new Map<string, Held>()
  /** The newest of each binding. */
  readonly #idOf = new Map<string, string>()
  readonly #listeners = new Map<string, Set<() => void>>()
  #seenMs = 0

  constructor(options: HeldRequestsOptions) {
    this.#options = options
    this.#limits = { ...defaultHoldLimits, ...options.limits }
  }

  get size(): number {
    return this.#byId.size
  }

  /**
   * The policy has just held the request. Uses the grant for it, tells what became of it, or asks for one. `record` is given an approval
   * that is to be asked for (`pending`) or used; where it cannot be recorded, neither is.
   */
  ask(
    binding: HoldBinding,
    requestId: string,
    terms: HoldTerms,
    record: (approval: Approval) => boolean,
  ): Asked {
    const nowMs = this.#now()
    if (nowMs === null) return { kind: 'refused', reason: clockIsBehind }
    const sha256 = bindingSha256(binding)
    const known = this.#newestOf(sha256)
    if (known === null) return this.#askAnew(binding, sha256, nowMs, terms, record)
    const { approval } = passTime(known, nowMs)
    switch (approval.state.kind) {
      case 'pending':
        return { kind: 'pending', approval, isNew: false }
      case 'granted': {
        const used = useApproval(approval, { bindingSha256: sha256, requestId }, nowMs)
        if (!record(used.approval)) return { kind: 'unrecorded' }
        this.#replace(used.approval)
        return { kind: 'granted', approval: used.approval }
      }
      case 'denied':
        // It stays so for as long as it would have waited: asking again at once is no way to wear somebody down.
        if (nowMs < approval.expiresAtMs) return { kind: 'denied', approval }
        return this.#askAnew(binding, sha256, nowMs, terms, record)
      case 'expired':
      case 'used':
        return this.#askAnew(binding, sha256, nowMs, terms, record)
    }
  }

  /** Whether each of these has a grant of its own that may be used now; none is used by this. */
  areGranted(bindings: readonly HoldBinding[]): boolean {
    const nowMs = this.#now()
    if (nowMs === null) return false
    const digests = new Set(bindings.map(bindingSha256))
    if (digests.size < bindings.length) return false
    return [...digests].every((sha256) => {
      const known = this.#newestOf(sha256)
      return known !== null && passTime(known, nowMs).approval.state.kind === 'granted'
    })
  }

  /** The caller has checked signature and version. */
  apply(update: ApprovalUpdate): AppliedAnswer {
    if (update.edge !== this.#options.edge) return 'not_ours'
    const held = this.#byId.get(update.approval_id)?.approval
    if (held === undefined) return 'not_asked'
    if (update.binding_sha256 !== held.bindingSha256) return 'other_binding'
    // The api tells again what it cannot know to have been told.
    if (isSameAnswers(held.answers, update.answers.map(answerOf))) return 'repeated'
    const nowMs = this.#now()
    if (nowMs === null) return 'clock_behind'
    let approval = held
    for (const answer of update.answers.map(answerOf)) {
      const step = answerApproval(approval, answer, nowMs)
      if (step.refusal !== null) return step.refusal
      approval = step.approval
    }
    if (approval.state.kind !== update.outcome) return 'other_outcome'
    const barred = this.#barred(approval, nowMs)
    if (barred !== null) return barred
    approval = notBeyond(approval, update.decided_at)
    if (passTime(approval, nowMs).approval.state.kind === 'expired') return 'expired'
    this.#replace(approval)
    for (const listener of this.#listeners.get(approval.approvalId) ?? []) listener()
    return 'applied'
  }

  /** Calls `listener` when this request is answered. Returns what stops it. */
  onAnswer(approvalId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(approvalId) ?? new Set()
    this.#listeners.set(approvalId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(approvalId)
    }
  }

  /** Forgets what is over. What ran out unanswered or unused is given to `record`, and forgotten only once that has taken it. */
  expire(record: (approval: Approval) => boolean): void {
    const nowMs = this.#now()
    if (nowMs === null) return
    for (const held of this.#byId.values()) {
      const { approval } = passTime(held.approval, nowMs)
      const isOver = nowMs >= approval.expiresAtMs && approval.state.kind !== 'granted'
      if (approval.state.kind === 'expired' ? record(approval) : isOver) this.#forget(approval)
    }
  }

  #newestOf(bindingDigest: string): Approval | null {
    return this.#byId.get(this.#idOf.get(bindingDigest) ?? '')?.approval ?? null
  }

  #replace(approval: Approval): void {
    const sizeBytes = this.#byId.get(approval.approvalId)?.sizeBytes ?? 0
    this.#byId.set(approval.approvalId, { approval, sizeBytes })
  }

  #forget({ approvalId, bindingSha256: sha256 }: Approval): void {
    this.#byId.delete(approvalId)
    if (this.#idOf.get(sha256) === approvalId) this.#idOf.delete(sha256)
  }

  /** An override counts only when its review was told before, and nothing of the same person is overdue. */
  #barred(approval: Approval, nowMs: number): 'review_not_told' | OverrideBar | null {
    const override = overrideOf(approval)
    if (override === null) return null
    const { approvalId, bindingSha256: sha256 } = approval
    const told = this.overrides.find(approvalId)
    if (told?.binding_sha256 !== sha256 || told.by.subject !== override.by.subject) {
      return 'review_not_told'
    }
    return this.overrides.barTo(override.by, approvalId, nowMs)
  }

  #askAnew(
    binding: HoldBinding,
    sha256: string,
    nowMs: number,
    terms: HoldTerms,
    record: (approval: Approval) => boolean,
  ): Asked {
    if (this.#byId.size >= this.#limits.maxRequests) this.#forgetUsed()
    const asked = { subject: binding.actor.subject, sizeBytes: terms.sizeBytes, nowMs }
    const reason = whyNotAsked([...this.#byId.values()], asked, this.#limits)
    if (reason !== null) return { kind: 'refused', reason }
    const approval = requestApproval({
      approvalId: this.#options.newId(),
      binding,
      bindingSha256: sha256,
      requestedAtMs: nowMs,
      expiresAtMs: nowMs + terms.expiresMs,
    })
    if (!record(approval)) return { kind: 'unrecorded' }
    this.#byId.set(approval.approvalId, { approval, sizeBytes: terms.sizeBytes })
    this.#idOf.set(sha256, approval.approvalId)
    return { kind: 'pending', approval, isNew: true }
  }

  /** What has run is done with; what was denied stays so. */
  #forgetUsed(): void {
    for (const { approval } of this.#byId.values()) {
      if (approval.state.kind === 'used') this.#forget(approval)
    }
  }

  /** Null when the clock was set back: what has expired could come to life again. */
  #now(): number | null {
    const nowMs = this.#options.clock.nowMs()
    if (nowMs < this.#seenMs - clockToleranceMs) return null
    this.#seenMs = Math.max(this.#seenMs, nowMs)
    return this.#seenMs
  }
}

const clockIsBehind =
  'the clock of this edge went back, so no approval can be used; it goes on when the time has caught up, or after a restart'

/** A grant is good from when it was given, not from when the edge heard of it. */
function notBeyond(approval: Approval, decidedAtMs: number | undefined): Approval {
  const { state } = approval
  if (state.kind !== 'granted' || decidedAtMs === undefined) return approval
  const validUntilMs = Math.min(state.validUntilMs, decidedAtMs + grantLifetimeMs)
  return { ...approval, state: { ...state, validUntilMs } }
}

function isSameAnswers(known: readonly Answer[], told: readonly Answer[]): boolean {
  return known.length > 0 && isDeepStrictEqual(known, told)
}

function answerOf(answer: ApprovalUpdate['answers'][number]): Answer {
  const { is_delegated: isDelegated, ...by } = answer.by
  return {
    decisionId: answer.decision_id,
    verdict: answer.verdict,
    reason: answer.reason,
    by: { ...by, isDelegated },
  }
}
