import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { startOpenSearch } from '../../engines/opensearch.ts'
import { survives } from './run.ts'

const kills = Number(process.env['FAULT_SEARCH_KILLS'] ?? 1)

test(`OpenSearch is killed ${kills} times while it takes documents: all of them are there once`, async (t) => {
  await using search = await startOpenSearch(t, { ownProcess: true })
  if (search === null) return
  await survives(t, { kafka: null, search }, async (pipeline) => {
    for (let kill = 0; kill < kills; kill += 1) {
      await pause(Math.random() * 1_000)
      await search.kill()
      await pipeline.flows()
      await search.start()
      await pipeline.flows()
    }
  })
})
