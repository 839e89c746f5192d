import { hash } from 'node:crypto'

import type { IndexDocument } from '../../documents.ts'
import type { exactFilters } from '../../query.ts'
import { actorNames, approverNames, foldName, kinds, relationNames } from '../../terms.ts'

type Facet = (typeof exactFilters)[number]

/** Stands on every event that is found by itself, not as a part of its statement. */
export const shownToken = 'shown'

/** One token of letters and digits for one exact condition, whatever its text holds. 96 bits: nobody meets another's by chance. */
export function facetToken(facet: Facet, value: string): string {
  return `x${hash('sha256', `${facet}\n${foldName(value)}`).slice(0, 24)}`
}

/** Facets repeat from event to event, so tokens are kept; what is kept is bounded. */
export class FacetTokens {
  static readonly #maxKept = 20_000
  readonly #kept = new Map<string, string>()

  of(facet: Facet, value: string): string {
    const key = `${facet}\n${value}`
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    if (this.#kept.size >= FacetTokens.#maxKept) this.#kept.clear()
    const token = facetToken(facet, value)
    this.#kept.set(key, token)
    return token
  }
}

export interface ShownAs {
  readonly isShown: boolean
  readonly decisions: readonly string[]
  readonly outcome: string | null
}

export function facetsOf(document: IndexDocument, shown: ShownAs, tokens: FacetTokens): string {
  const facets = [
    ...kinds(document).map((kind) => tokens.of('kind', kind)),
    ...actorNames(document).map((name) => tokens.of('actor', name)),
    ...relationNames(document).map((name) => tokens.of('relation', name)),
    ...approverNames(document).map((name) => tokens.of('approver', name)),
  ]
  if (shown.isShown) facets.push(shownToken)
  if (document.target !== null) facets.push(tokens.of('target', document.target.name))
  if (document.sessionId !== null) facets.push(tokens.of('session', document.sessionId))
  facets.push(...shown.decisions.map((decision) => tokens.of('decision', decision)))
  if (shown.outcome !== null) facets.push(tokens.of('outcome', shown.outcome))
  return facets.join(' ')
}
