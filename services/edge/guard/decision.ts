import type { DecisionOutcome } from '../../../schemas/event.ts'

/** What a policy says about one message. It becomes a decision when it is recorded under an id of its own. */
export interface Verdict {
  readonly outcome: DecisionOutcome
  /**
   * The rules that led to the outcome: the one that allows, or all that block, hold or mask; `default` when none lets the message
   * through.
   */
  readonly ruleIds: readonly string[]
  /** SHA-256 of the policy file, hexadecimal. */
  readonly policyDigest: string
  /** One sentence for the person who asked. Names rules and objects, never values. */
  readonly reason: string
  /**
   * What must be done before the message, or its answer, is let through: for a hold its approvals, and for what a hold or a mask
   * rule touches besides, the masks. Empty for `allow` and `block`.
   */
  readonly obligations: readonly Obligation[]
}

export type Obligation = ApprovalObligation | MaskObligation

/** People with this role, other than the requester and whoever it acts for, have to agree. */
export interface ApprovalObligation {
  readonly kind: 'approval'
  readonly ruleId: string
  readonly role: string
  readonly approvers: 1 | 2
  /** How long it may be answered. */
  readonly expiresMs: number
  /** How long the client may be kept waiting for the answer. Zero: it is refused at once, with an id to come back with. */
  readonly waitMs: number
  readonly breakGlass: BreakGlass | null
}

/** Who behind the request may override the hold, and how soon another person has to review that. */
export interface BreakGlass {
  readonly role: string
  readonly reviewWithinHours: number
}

/** Values of these classes do not leave unmasked. */
export interface MaskObligation {
  readonly kind: 'mask'
  readonly ruleId: string
  readonly dataClasses: readonly string[]
}
