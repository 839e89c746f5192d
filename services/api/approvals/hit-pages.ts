import type { Hit, Query, SearchFilter } from '../../indexer/query.ts'

const pageSize = 500

/** All that fits, page by page, newest first. */
export async function* hitPages(
  query: Pick<Query, 'search'>,
  filter: SearchFilter,
): AsyncGenerator<readonly Hit[]> {
  let after: string | undefined
  do {
    const page = { limit: pageSize, ...(after === undefined ? {} : { after }) }
    const { hits, next } = await query.search(filter, page)
    yield hits
    after = next ?? undefined
  } while (after !== undefined)
}
