import { QueryError } from './query.ts'

/** All terms of a text must be found. The words of one term stand together, in order. */
export interface TextTerm {
  readonly words: string
  /** The last word is only the beginning of one. */
  readonly isPrefix: boolean
}

const maxTextLength = 1_000
const maxTextTerms = 32

/**
 * Reads `word "a phrase" pre*`. Nothing else in it has a meaning, so nothing a person types is a syntax error; terms without a
 * letter or digit are left out, since no index holds them.
 */
export function parseFreeText(text: string): readonly TextTerm[] {
  if (text.length > maxTextLength) {
    throw new QueryError(
      'QUERY_TEXT_TOO_LONG',
      `the text has ${text.length} characters, at most ${maxTextLength} are searched for`,
    )
  }
  // Control characters and lone surrogates separate words: engines end a string at NUL or refuse it.
  const clean = text.toWellFormed().replace(/[\p{Cc}\uFFFD]/gu, ' ')
  const terms: TextTerm[] = []
  // A quote that is not closed reaches to the end.
  for (const match of clean.matchAll(/"([^"]*)(?:"(\*?)|$)|([^\s"]+)/gu)) {
    const [, phrase, phrasePrefix, word] = match
    const raw = phrase ?? word ?? ''
    if (!/[\p{L}\p{N}]/u.test(raw)) continue
    const isPrefix = word === undefined ? phrasePrefix === '*' : /[\p{L}\p{N}]\*$/u.test(word)
    terms.push({ words: raw, isPrefix })
  }
  if (terms.length > maxTextTerms) {
    throw new QueryError(
      'QUERY_TEXT_TOO_LONG',
      `the text has ${terms.length} terms, at most ${maxTextTerms} are searched for`,
    )
  }
  if (terms.length === 0) {
    throw new QueryError('QUERY_TEXT_EMPTY', 'the text holds no letter or digit to search for')
  }
  return terms
}
