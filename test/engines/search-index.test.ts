import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { EmbeddedIndex } from '../../services/indexer/adapters/embedded/embedded-index.ts'
import type { OpenIndex } from '../contracts/search-index-probe.ts'
import { searchIndexContract } from '../contracts/search-index.ts'
import type { OpenSearchEngine } from './opensearch.ts'
import { openIndexAt, withOpenSearch } from './search-engine.ts'

searchIndexContract('embedded', {
  open: async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'index-'))
    t.after(() => rm(directory, { recursive: true, force: true }))
    return openEmbedded(t, directory)
  },
})

await withOpenSearch('the search index contract on OpenSearch', (engine) => {
  // Making an index costs seconds: one that a test has left is emptied for the next.
  const free: string[] = []
  searchIndexContract('opensearch', {
    open: async (t) => {
      const used = free.pop()
      const prefix = used ?? `test-${randomUUID()}`
      const opened = await openAt(t, engine, prefix)
      if (used !== undefined) await opened.index.reset()
      t.after(() => free.push(prefix))
      return opened
    },
  })
})

async function openAt(
  t: TestContext,
  engine: OpenSearchEngine,
  prefix: string,
): Promise<OpenIndex> {
  const index = await openIndexAt(t, engine.url, prefix)
  return {
    index,
    query: index.query,
    refresh: () => index.refresh(),
    restart: async () => {
      await index[Symbol.asyncDispose]()
      const again = await openAt(t, engine, prefix)
      await again.refresh()
      return again
    },
  }
}

async function openEmbedded(t: TestContext, directory: string): Promise<OpenIndex> {
  const index = await EmbeddedIndex.open({ directory })
  t.after(() => index[Symbol.asyncDispose]())
  return {
    index,
    query: index.query,
    refresh: () => Promise.resolve(),
    restart: async () => {
      await index[Symbol.asyncDispose]()
      return openEmbedded(t, directory)
    },
  }
}
