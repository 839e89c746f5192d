import { readFile } from 'node:fs/promises'

import { EmbeddedIndex } from '../indexer/adapters/embedded/embedded-index.ts'
import { OpenSearchIndex } from '../indexer/adapters/opensearch/opensearch-index.ts'
import type { Query } from '../indexer/query.ts'
import type { SearchIndex } from '../indexer/search-index.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { readPassword } from './secrets.ts'

/** The search index of the configuration. */
export async function openIndex(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
): Promise<SearchIndex & { readonly query: Query }> {
  const { opensearch } = config.search
  if (opensearch === null) {
    return EmbeddedIndex.open({ directory: dataPaths(config.dataDirectory).index })
  }
  const { nodes, username, passwordFile, caFile, prefix } = opensearch
  const options = {
    nodes,
    username,
    password: passwordFile === null ? null : await readPassword(passwordFile),
    ca: caFile === null ? null : await readFile(caFile, 'utf8'),
    prefix,
    logger: logger.child({ part: 'index' }),
  }
  return OpenSearchIndex.open(options, signal)
}
