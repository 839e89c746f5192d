import type { Actor } from '../../../../schemas/event.ts'
import type { Facts } from '../facts.ts'

/** All that a decision rests on. */
export interface DecisionInput {
  readonly actor: Pick<Actor, 'kind' | 'subject' | 'issuer' | 'display' | 'groups' | 'on_behalf_of'>
  /** The target's name in the configuration. */
  readonly target: string
  readonly database: string
  /** The role that the edge uses at the target; null where it is not known. */
  readonly role: string | null
  readonly facts: Facts
  /** Null when none was given. */
  readonly purpose: string | null
  readonly labels: readonly string[]
  readonly nowMs: number
  /** The schemas in which a bare name is looked up. Default: public. */
  readonly searchPath?: readonly string[]
  /** Of the rest, what is not known: where a request is judged by what was recorded of it. */
  readonly unknown?: ReadonlySet<UncertainInput>
}

export type UncertainInput = 'groups' | 'purpose' | 'labels' | 'database'

export const defaultSearchPath: readonly string[] = ['public']
