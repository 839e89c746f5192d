import type { Source } from './source.ts'

/** One document found, with the values it was ordered by. */
export interface Found {
  readonly source: Source
  readonly sort: readonly number[]
}

/** Asks one alias or several; whatever cannot be answered whole is an error. */
export type Ask = (alias: string, body: object) => Promise<Record<string, unknown>>

export function foundIn(body: Record<string, unknown>): readonly Found[] {
  const { hits } = body['hits'] as { hits: readonly { _source: Source; sort: readonly number[] }[] }
  return hits.map(({ _source, sort }) => ({ source: _source, sort }))
}
