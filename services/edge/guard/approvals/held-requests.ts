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
import { Overrides } from './overrides.ts'
import type { OverrideBar } from './overrides.ts'

export interface HeldRequestsOptions {
  /** The edge's id: an answer for another edge is none for this one, or it could be used once at each. */
  readonly edge: string
  readonly clock: Clock
  readonly newId: () => string
  /** Beyond so many that are not forgotten yet no new one is asked for. Default 10,000. */
  readonly maxRequests?: number
  /** Beyond so many of one actor that wait for an answer, no new one of his is asked for. Default 20. */
  readonly maxOfActor?: number
}

/** What a held request gets. */
export type Asked =
  /** It may run, now and once: the grant is gone, whatever becomes of the request. The caller records the use before it runs it. */
  | { readonly kind: 'granted'; readonly approval: Approval }
  /** Somebody has been asked; with `isNew` by this very call, and then the caller records the request. */
  | { readonly kind: 'pending'; readonly approval: Approval; readonly isNew: boolean }
  | { readonly kind: 'denied'; readonly approval: Approval }
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
  readonly #maxRequests: number
  readonly #maxOfActor: number
  readonly #byId = new Map<string, Approval>()
  /** The newest of each binding. */
  readonly #idOf = new Map<string, string>()
  readonly #listeners = new Map<string, Set<() => void>>()
  #seenMs = 0

  constructor(options: HeldRequestsOptions) {
    this.#options = options
    this.#maxRequests = options.maxRequests ?? 10_000
    this.#maxOfActor = options.maxOfActor ?? 20
  }

  get size(): number {
    return this.#byId.size
  }

  /** The policy has just held the request. Uses the grant for it, tells what became of it, or asks for one. */
  ask(binding: HoldBinding, requestId: string, expiresMs: number): Asked {
    const nowMs = this.#now()
    if (nowMs === null) return { kind: 'refused', reason: clockIsBehind }
    const sha256 = bindingSha256(binding)
    const known = this.#byId.get(this.#idOf.get(sha256) ?? '')
    if (known === undefined) return this.#askAnew(binding, sha256, nowMs, expiresMs)
    const { approval } = passTime(known, nowMs)
    switch (approval.state.kind) {
      case 'pending':
        return { kind: 'pending', approval, isNew: false }
      case 'granted': {
        const used = useApproval(approval, { bindingSha256: sha256, requestId }, nowMs)
        this.#byId.set(approval.approvalId, used.approval)
        return { kind: 'granted', approval: used.approval }
      }
      case 'denied':
        // It stays so for as long as it would have waited: asking again at once is no way to wear somebody down.
        if (nowMs < approval.expiresAtMs) return { kind: 'denied', approval }
        return this.#askAnew(binding, sha256, nowMs, expiresMs)
      case 'expired':
      case 'used':
        return this.#askAnew(binding, sha256, nowMs, expiresMs)
    }
  }

  /** Whether each of these has a grant of its own that may be used now; none is used by this. */
  areGranted(bindings: readonly HoldBinding[]): boolean {
    const nowMs = this.#now()
    if (nowMs === null) return false
    const digests = new Set(bindings.map(bindingSha256))
    if (digests.size < bindings.length) return false
    return [...digests].every((sha256) => {
      const known = this.#byId.get(this.#idOf.get(sha256) ?? '')
      return known !== undefined && passTime(known, nowMs).approval.state.kind === 'granted'
    })
  }

  /** The caller has checked signature and version. */
  apply(update: ApprovalUpdate): AppliedAnswer {
    if (update.edge !== this.#options.edge) return 'not_ours'
    const held = this.#byId.get(update.approval_id)
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
    this.#byId.set(approval.approvalId, approval)
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

  /** Forgets what is over, and gives those that ran out unanswered or unused since the last call: the caller records each. */
  expire(): readonly Approval[] {
    const nowMs = this.#now()
    if (nowMs === null) return []
    const expired: Approval[] = []
    for (const held of this.#byId.values()) {
      const { approval } = passTime(held, nowMs)
      const isExpired = approval.state.kind === 'expired'
      if (!isExpired && (nowMs < approval.expiresAtMs || approval.state.kind === 'granted'))
        continue
      if (isExpired) expired.push(approval)
      this.#byId.delete(approval.approvalId)
      if (this.#idOf.get(approval.bindingSha256) === approval.approvalId) {
        this.#idOf.delete(approval.bindingSha256)
      }
    }
    return expired
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

  #askAnew(binding: HoldBinding, sha256: string, nowMs: number, expiresMs: number): Asked {
    const { subject } = binding.actor
    const waiting = this.#waitingOf(subject, nowMs)
    if (waiting >= this.#maxOfActor) {
      return {
        kind: 'refused',
        reason: `${waiting} requests of ${subject} wait for approval already`,
      }
    }
    if (this.#byId.size >= this.#maxRequests) {
      return { kind: 'refused', reason: `${this.#byId.size} requests wait for approval already` }
    }
    const approval = requestApproval({
      approvalId: this.#options.newId(),
      binding,
      bindingSha256: sha256,
      // Known to the api, which has checked it.
      owners: [],
      requestedAtMs: nowMs,
      expiresAtMs: nowMs + expiresMs,
    })
    this.#byId.set(approval.approvalId, approval)
    this.#idOf.set(sha256, approval.approvalId)
    return { kind: 'pending', approval, isNew: true }
  }

  #waitingOf(subject: string, nowMs: number): number {
    let count = 0
    for (const { binding, state, expiresAtMs } of this.#byId.values()) {
      if (binding.actor.subject !== subject || state.kind !== 'pending') continue
      if (expiresAtMs > nowMs) count += 1
    }
    return count
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
