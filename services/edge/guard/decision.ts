import type { DecisionOutcome } from '../../../schemas/event.ts'

/** What a policy says about one message. It becomes a decision when it is recorded under an id of its own. */
export interface Verdict {
  /** This version's policies give `allow` and `block`; the place of `hold` and `mask` is kept. */
  readonly outcome: DecisionOutcome
  /** The rules that led to the outcome: the one that allows, or all that block; `default` when none allows. */
  readonly ruleIds: readonly string[]
  /** SHA-256 of the policy file, hexadecimal. */
  readonly policyDigest: string
  /** One sentence for the person who asked. Names rules and objects, never values. */
  readonly reason: string
  /** What must be done besides letting the message through. Empty for `allow` and `block`. */
  readonly obligations: readonly Obligation[]
}

type Obligation =
  | { readonly kind: 'mask'; readonly dataClasses: readonly string[] }
  | { readonly kind: 'approval'; readonly role: string; readonly approvers: number }
