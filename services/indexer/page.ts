import { hash } from 'node:crypto'

import { QueryError, exactFilters } from './query.ts'
import type { Page, SearchFilter } from './query.ts'

const defaultLimit = 50
const maxLimit = 500
const maxNameLength = 1_000

export function limitOf(page: Page | undefined): number {
  const limit = page?.limit ?? defaultLimit
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit
  throw new QueryError('QUERY_LIMIT_INVALID', `the limit is ${limit}, expected 1 to ${maxLimit}`)
}

/** The filter without the conditions that say nothing: a blank one, as forms send them, is one that was not given. */
export function checkedFilter(filter: SearchFilter): SearchFilter {
  for (const bound of ['from', 'to'] as const) {
    const time = filter[bound]
    if (time !== undefined && !Number.isFinite(time)) {
      throw new QueryError('QUERY_TIME_INVALID', `${bound} is not a time in milliseconds`)
    }
  }
  const checked: Record<string, string | number> = {}
  if (filter.from !== undefined) checked['from'] = filter.from
  if (filter.to !== undefined) checked['to'] = filter.to
  if (filter.text !== undefined && filter.text.trim() !== '') checked['text'] = filter.text
  for (const name of exactFilters) {
    const value = filter[name]
    if (value === undefined || value.trim() === '') continue
    if (value.length > maxNameLength) {
      throw new QueryError(
        'QUERY_NAME_TOO_LONG',
        `${name} has ${value.length} characters, at most ${maxNameLength} are compared`,
      )
    }
    checked[name] = value
  }
  return checked
}

/** Cursors are opaque to callers; `kind` keeps one list's cursor out of another, a check sum what was not read here. */
export function encodeCursor(kind: string, parts: readonly (string | number)[]): string {
  const text = [kind, ...parts].join(' ')
  return Buffer.from(`${hash('sha256', text).slice(0, 8)} ${text}`).toString('base64url')
}

/** The integers of a cursor that `encodeCursor` made for this kind. */
export function decodeCursor(kind: string, cursor: string, parts: number): readonly bigint[] {
  const [, found, ...texts] = Buffer.from(cursor, 'base64url').toString('latin1').split(' ')
  const values = texts.filter((text) => /^-?\d{1,19}$/.test(text)).map(BigInt)
  const isWhole =
    texts.length === parts && values.length === parts && encodeCursor(kind, texts) === cursor
  if (found !== kind || !isWhole || values.some((value) => BigInt.asIntN(64, value) !== value)) {
    throw new QueryError(
      'QUERY_CURSOR_INVALID',
      'the cursor is not the `next` of a page of this list',
    )
  }
  return values
}
