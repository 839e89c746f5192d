import type { Actor } from '../../../../schemas/event.ts'
import type { Facts } from '../facts.ts'

/** All that a decision rests on. */
export interface DecisionInput {
  readonly actor: Pick<Actor, 'kind' | 'subject' | 'issuer' | 'display' | 'groups' | 'on_behalf_of'>
  /** The target's name in the configuration. */
  readonly target: string
  readonly database: string
  readonly facts: Facts
  readonly purpose: string | null
  readonly labels: readonly string[]
  readonly nowMs: number
  /** The schemas in which a bare name is looked up. Default: public. */
  readonly searchPath?: readonly string[]
}
