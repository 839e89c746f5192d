import { parseFreeText } from '../../free-text.ts'
import type { TextTerm } from '../../free-text.ts'
import { checkedFilter } from '../../page.ts'
import type { SearchFilter } from '../../query.ts'
import { statementParts } from '../../statement.ts'
import { foldName } from '../../terms.ts'
import { foldedTerm } from './exact-term.ts'

type Clause = Readonly<Record<string, unknown>>

/** A filter as OpenSearch is asked: which documents, and all of these. */
export interface Conditions {
  /** Parts of statements are found only by who asks for them by name, and then as entries. */
  readonly isOfParts: boolean
  readonly clauses: readonly Clause[]
}

/** Throws `QueryError` for what cannot be asked. */
export function conditionsOf(given: SearchFilter): Conditions {
  const filter = checkedFilter(given)
  const clauses: Clause[] = []
  const term = (field: string, value: string | undefined): void => {
    if (value !== undefined) clauses.push({ term: { [field]: foldedTerm(value) } })
  }
  term('asked.actor', filter.actor)
  term('asked.target', filter.target)
  term('asked.decision', filter.decision)
  term('asked.kind', filter.kind)
  term('asked.relation', filter.relation)
  term('asked.approver', filter.approver)
  term('asked.session', filter.session)
  term('outcome', filter.outcome)
  const range = {
    ...(filter.from === undefined ? {} : { gte: microseconds(filter.from) }),
    ...(filter.to === undefined ? {} : { lt: microseconds(filter.to) }),
  }
  if (Object.keys(range).length > 0) clauses.push({ range: { occurred_us: range } })
  const terms = filter.text === undefined ? [] : parseFreeText(filter.text)
  clauses.push(...terms.map(textClause))
  const kind = foldName(filter.kind ?? '')
  const isOfParts = statementParts.has(kind) && kind !== 'request.received'
  if (!isOfParts) clauses.push({ term: { shown: true } })
  return { isOfParts, clauses }
}

/**
 * The conditions when they are the same for all events of a session (who, where, which one), so that its start stands for them; null
 * when the events must be asked.
 */
export function sessionConditionsOf(given: SearchFilter): readonly Clause[] | null {
  const { actor, target, session, ...others } = checkedFilter(given)
  if (Object.keys(others).length > 0) return null
  const asked = { ...(actor && { actor }), ...(target && { target }), ...(session && { session }) }
  return Object.entries(asked).map(([name, value]) => ({
    term: { [`asked.${name}`]: foldedTerm(value) },
  }))
}

// The last word of a phrase can be the beginning of one: of however many words, as long as the engine takes them; else it says so.
const maxExpansions = 1_000_000

function textClause({ words, isPrefix }: TextTerm): Clause {
  return isPrefix
    ? { match_phrase_prefix: { words: { query: words, max_expansions: maxExpansions } } }
    : { match_phrase: { words: { query: words } } }
}

function microseconds(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms * 1000), -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}
