import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { EmbeddedIndex } from '../../../../../services/indexer/adapters/embedded/embedded-index.ts'
import type { OpenIndex } from '../../../../contracts/search-index-probe.ts'
import { searchIndexContract } from '../../../../contracts/search-index.ts'

searchIndexContract('embedded', {
  open: async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'index-'))
    t.after(() => rm(directory, { recursive: true, force: true }))
    return openIn(t, directory)
  },
})

async function openIn(t: TestContext, directory: string): Promise<OpenIndex> {
  const index = await EmbeddedIndex.open({ directory })
  t.after(() => index[Symbol.asyncDispose]())
  return {
    index,
    query: index.query,
    refresh: () => Promise.resolve(),
    restart: async () => {
      await index[Symbol.asyncDispose]()
      return openIn(t, directory)
    },
  }
}
