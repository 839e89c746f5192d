import { parseFreeText } from '../../free-text.ts'
import type { TextTerm } from '../../free-text.ts'
import { exactFilters } from '../../query.ts'
import type { SearchFilter } from '../../query.ts'
import { checkedFilter } from '../../page.ts'
import { statementParts } from '../../statement.ts'
import { foldName } from '../../terms.ts'
import { facetToken, shownToken } from './facets.ts'

/** A filter in the index's terms. Plain data, for the reader's thread. */
export interface Question {
  /** For the full text; null when every event that is shown fits. */
  readonly match: string | null
  readonly fromUs: number | null
  readonly toUs: number | null
}

const textColumns = '{statement relations names remarks}'

/** Throws `QueryError` for what cannot be asked. */
export function questionOf(given: SearchFilter): Question {
  const filter = checkedFilter(given)
  const tokens = exactFilters.flatMap((facet) => {
    const value = filter[facet]
    return value === undefined ? [] : [facetToken(facet, value)]
  })
  const terms = filter.text === undefined ? [] : parseFreeText(filter.text)
  const times = { fromUs: microseconds(filter.from), toUs: microseconds(filter.to) }
  if (tokens.length === 0 && terms.length === 0) return { match: null, ...times }
  // The parts of statements are found only by who asks for them by name.
  const kind = foldName(filter.kind ?? '')
  if (!statementParts.has(kind) || kind === 'request.received') tokens.push(shownToken)
  const conditions = tokens.map((token) => `facets : "${token}"`)
  if (terms.length > 0) {
    conditions.push(`${textColumns} : (${terms.map(termExpression).join(' AND ')})`)
  }
  return { match: conditions.join(' AND '), ...times }
}

/**
 * As `questionOf`, of sessions. Actor, target and session are the same in all events of a session: where nothing else is asked, its
 * start stands for them all.
 */
export function sessionQuestionOf(given: SearchFilter): Question {
  const { actor, target, session, ...others } = checkedFilter(given)
  const isOfAllEvents = Object.keys(others).length === 0
  const isAsked = actor !== undefined || target !== undefined || session !== undefined
  return questionOf(isOfAllEvents && isAsked ? { ...given, kind: 'session.started' } : given)
}

// Within quotes nothing has a meaning but the quote, and no term holds one.
function termExpression({ words, isPrefix }: TextTerm): string {
  return isPrefix ? `"${words}" *` : `"${words}"`
}

function microseconds(ms: number | undefined): number | null {
  if (ms === undefined) return null
  return Math.min(Math.max(Math.ceil(ms * 1000), -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}
