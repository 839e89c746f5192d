import type { ActorKind, Principal } from '../../../../schemas/event.ts'
import type { HoldBinding } from './hold-binding.ts'

/**
 * The life of one approval: pending (0, 1 … of those it needs), then granted, denied or expired; a granted one is used once, or
 * expires. Pure: time comes with each step, and what a step is refused for changes nothing but the time that was seen.
 */
export interface Approval {
  readonly approvalId: string
  readonly binding: HoldBinding
  readonly bindingSha256: string
  readonly requestedAtMs: number
  /** Until then it may be answered. */
  readonly expiresAtMs: number
  readonly answers: readonly Answer[]
  readonly state: ApprovalState
  /** The latest time that any step came with: time does not go back. */
  readonly seenMs: number
}

export type ApprovalState =
  | { readonly kind: 'pending' }
  | { readonly kind: 'granted'; readonly atMs: number; readonly validUntilMs: number }
  | { readonly kind: 'denied'; readonly atMs: number }
  | { readonly kind: 'expired'; readonly atMs: number }
  | { readonly kind: 'used'; readonly atMs: number; readonly requestId: string }

export type Person = Pick<Principal, 'subject' | 'issuer'>

export interface Approver extends Person {
  readonly kind: ActorKind
  readonly display: string | null
  readonly roles: readonly string[]
  /** Somebody through whom another acts is not asked for his own answer. */
  readonly isDelegated: boolean
}

export interface Answer {
  /** Of its own for each answer: the same one again is a replay. */
  readonly decisionId: string
  readonly by: Approver
  /** `override`: break-glass, by somebody behind the request. */
  readonly verdict: 'grant' | 'deny' | 'override'
  readonly reason: string
}

export type StepRefusal =
  | 'replayed'
  | 'clock_behind'
  | 'expired'
  | 'not_pending'
  | 'not_granted'
  | 'other_binding'
  | AnswerRefusal

export type AnswerRefusal =
  | 'approver_is_requester'
  | 'approver_is_behind_requester'
  | 'approver_is_no_person'
  | 'approver_is_delegated'
  | 'approver_has_answered'
  | 'role_missing'
  | 'reason_missing'
  | 'reason_too_long'
  | 'override_not_allowed'
  | 'override_is_for_requester'
  | 'reviewed_already'

/** What became of the approval, and why the step did not do what it was for; null where it did. */
export interface Step {
  readonly approval: Approval
  readonly refusal: StepRefusal | null
}
