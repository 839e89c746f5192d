import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import type { TestContext } from 'node:test'

import { OpenSearchIndex } from '../../services/indexer/adapters/opensearch/opensearch-index.ts'
import { silent } from '../services/indexer/bus-with-logs.ts'
import { startOpenSearch } from './opensearch.ts'
import type { OpenSearchEngine, OpenSearchOptions } from './opensearch.ts'

/** One OpenSearch for the tests that `define` names, stopped after them; without one they are skipped as a whole, by name. */
export async function withOpenSearch(
  name: string,
  define: (engine: OpenSearchEngine) => void,
  options: OpenSearchOptions = {},
): Promise<void> {
  let reason = ''
  const skip = (message?: string): void => {
    reason = message ?? 'no OpenSearch'
  }
  const engine = await startOpenSearch({ skip }, options)
  if (engine === null) {
    test(name, (t) => t.skip(reason))
    return
  }
  after(() => engine[Symbol.asyncDispose]())
  define(engine)
}

/** An index under this prefix, one of its own unless given, closed after the test. */
export async function openIndexAt(
  t: TestContext,
  url: string,
  prefix = `test-${randomUUID()}`,
): Promise<OpenSearchIndex> {
  const index = await OpenSearchIndex.open({
    nodes: [url],
    username: null,
    password: null,
    ca: null,
    prefix,
    logger: silent,
  })
  t.after(() => index[Symbol.asyncDispose]())
  return index
}
