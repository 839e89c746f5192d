import { statementClasses } from '../../guard/facts.ts'
import type { Facts } from '../../guard/facts.ts'

/** How a statement about one relation comes to work on another one, or to run code of users, although it names neither. */
export interface Coupling {
  readonly relation: number
  /** Null for code of users. */
  readonly other: number | null
  /** Also where the relation is only read: what a view or a row policy looks at. */
  readonly isOnRead: boolean
  /** A rule, which does something else instead, or as well, and whose rows are the answer. */
  readonly isRule: boolean
}

/** Stands for a relation that every definition writes to: its code is that of event triggers. */
export const definitions = 0

export type Access = 'read' | 'write'

/** What a statement about a relation may come to: `values` of masked columns, or `code` of users. */
export type Reach = 'none' | 'values' | 'code'

interface Reached {
  readonly reach: Reach
  /** With the one it begins at. */
  readonly relations: ReadonlySet<number>
}

/** Follows couplings from relation to relation. */
export class Couplings {
  readonly #of: ReadonlyMap<number, readonly Coupling[]>
  readonly #holdsMasked: (relation: number) => boolean
  readonly #known = new Map<string, Reached>()

  /** `holdsMasked` says which relations have masked columns themselves; it is asked when a reach is. */
  constructor(couplings: readonly Coupling[], holdsMasked: (relation: number) => boolean) {
    this.#of = Map.groupBy(couplings, ({ relation }) => relation)
    this.#holdsMasked = holdsMasked
  }

  reach(relation: number, access: Access): Reach {
    return this.reached(relation, access).reach
  }

  reached(relation: number, access: Access): Reached {
    const key = `${relation} ${access}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const reached = this.#find(relation, access)
    this.#known.set(key, reached)
    return reached
  }

  /** Whether a write is rewritten to what may answer values of elsewhere, under the names of this relation's columns. */
  answersElse(relation: number): boolean {
    const isRuled = this.#of.get(relation)?.some(({ isRule }) => isRule) === true
    return isRuled && this.reach(relation, 'write') !== 'none'
  }

  /** Of a statement of these kinds, whatever it is about. */
  ofKinds(kinds: Facts['kinds']): Reach {
    return kinds.some((kind) => defining.has(kind)) ? this.reach(definitions, 'write') : 'none'
  }

  /** Of what may be about any relation. */
  ofAny(): Reach {
    const hasCode = [...this.#of.values()].flat().some(({ other }) => other === null)
    return hasCode ? 'code' : 'none'
  }

  #find(relation: number, access: Access): Reached {
    const seen = new Set([relation])
    let reach: Reach = 'none'
    // It grows while it is gone through.
    for (const here of seen) {
      if (this.#holdsMasked(here)) reach = further(reach, 'values')
      for (const { other, isOnRead } of this.#of.get(here) ?? []) {
        if (access === 'read' && !isOnRead) continue
        if (other === null) reach = 'code'
        else seen.add(other)
      }
    }
    return { reach, relations: seen }
  }
}

/** What event triggers are told of, and what is as rare. */
const defining: ReadonlySet<string> = new Set([
  ...statementClasses.ddl,
  ...statementClasses.access,
  ...statementClasses.maintenance,
])

/** Of two reaches the further one. */
export function further(one: Reach, other: Reach): Reach {
  if (one === 'code' || other === 'code') return 'code'
  return one === 'none' ? other : one
}
