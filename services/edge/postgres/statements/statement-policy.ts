import type { Actor, DecisionOutcome } from '../../../../schemas/event.ts'
import type { Obligation } from '../../guard/decision.ts'
import type { UncertainInput } from '../../guard/policy/decision-input.ts'
import type { MaskPlan } from '../masking/mask-plan.ts'

/** What decides over a statement: the one seam between the relay and facts, rules and approvals. */
export interface StatementPolicy {
  /**
   * SHA-256 of the policy in force. Another Buffer object means another policy: sessions forget what was decided before.
   */
  readonly digest: Buffer
  /**
   * Same text, subject and types give the same verdict for as long as `digest` stays. `parameterTypes` are oids that the client
   * declares, other than the server's own. `isDoubtful`: it is to run under a name that code of users, which this session has run,
   * may have given to something else. Never throws, never waits.
   */
  decide(
    text: string,
    subject: StatementSubject,
    parameterTypes?: readonly number[],
    isDoubtful?: boolean,
  ): Verdict
  /** What a statement with `changesCatalog` changed has taken effect: with `isAll` that of every one. Never throws, never waits. */
  catalogChanged?(subject: StatementSubject, isAll: boolean): void
  /** The session is over. Never throws, never waits. */
  ended?(subject: StatementSubject): void
  /** A Parse or Bind gives this text a name that SQL can use too (EXECUTE, FETCH). */
  declared?(
    of: 'statement' | 'portal',
    name: string,
    text: string,
    subject: StatementSubject,
    parameterTypes?: readonly number[],
  ): void
}

export interface StatementSubject {
  readonly actor: Actor
  readonly target: string
  readonly database: string
  /** The role that the edge uses at the target; where it is missing, conditions that ask for it have no value. */
  readonly role?: string
  /** The search_path the client asked for at startup, null for the target's own. */
  readonly searchPath: string | null
  readonly purpose: string | null
  readonly dataLabels: readonly string[]
  /** What of this is not known; in a session, nothing. */
  readonly unknown?: ReadonlySet<UncertainInput>
}

export interface Verdict {
  /** Null when the statement may run. */
  readonly refusal: StatementRefusal | null
  /** How its answer is masked; null when it goes out as it comes. */
  readonly mask: MaskPlan | null
  readonly ruleIds: readonly string[]
  readonly reason: string | null
  /** The statement's kinds in lower case, joined by a comma; `empty` for a text without a statement. */
  readonly operation: string
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  readonly functions: readonly string[]
  /**
   * What the statement does to names that the extended protocol shares with SQL: prepared statements (PREPARE, DEALLOCATE,
   * DISCARD) and portals (DECLARE, CLOSE). A null name means all of them.
   */
  readonly names: readonly NameChange[]
  /** True when it may change settings that change how later text is read: the client waits for its end. */
  readonly settles: boolean
  /** True when it may run code of the target's users, which may drop names and give them to something else. */
  readonly runsCodeOfUsers: boolean
  /** True when its text does not say what it runs, but names it. Missing: no. */
  readonly runsByName?: boolean
  /** True when relations may be others after it. Missing: no. */
  readonly changesCatalog?: boolean
  /** True when another text that differs in its literals only may get another verdict. Missing: no. */
  readonly dependsOnLiterals?: boolean
}

interface NameChange {
  readonly of: 'statement' | 'portal'
  readonly name: string | null
}

export type StatementRefusal =
  | { readonly kind: 'blocked'; readonly message: string }
  /** It may run once its obligations are met: approvals. */
  | {
      readonly kind: 'held'
      readonly message: string
      readonly obligations: readonly Obligation[]
    }
  /** Text the grammar does not take. `position` counts characters from 1. */
  | { readonly kind: 'syntax'; readonly message: string; readonly position: number | null }

/** What the record says was decided. */
export function outcomeOf({ refusal, mask }: Pick<Verdict, 'refusal' | 'mask'>): DecisionOutcome {
  switch (refusal?.kind) {
    case undefined:
      return mask === null ? 'allow' : 'mask'
    case 'held':
      return 'hold'
    case 'blocked':
    case 'syntax':
      return 'block'
  }
}
