import { EmbeddedIndex } from '../indexer/adapters/embedded/embedded-index.ts'
import type { Query } from '../indexer/query.ts'
import type { SearchIndex } from '../indexer/search-index.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'

/** The search index of the configuration. */
export function openIndex(config: Config): Promise<SearchIndex & { readonly query: Query }> {
  if (config.search.opensearch !== null) {
    throw new Error('search.kind opensearch is not in this build yet')
  }
  return EmbeddedIndex.open({ directory: dataPaths(config.dataDirectory).index })
}
