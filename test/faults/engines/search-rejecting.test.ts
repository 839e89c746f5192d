import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'node:test'

import { startOpenSearch } from '../../engines/opensearch.ts'
import type { OpenSearchEngine } from '../../engines/opensearch.ts'
import { survives } from './run.ts'

/** One thread that writes, and one place to wait for it: whatever comes third is answered with 429. */
const settings = { 'node.processors': '1', 'thread_pool.write.queue_size': '1' }
const others = 6
const busyMs = 4_000

test('OpenSearch answers 429 while others keep it busy: all documents are there once', async (t) => {
  await using search = await startOpenSearch(t, { settings, ownProcess: true })
  if (search === null) return
  await survives(t, { kafka: null, search }, async (pipeline) => {
    const busy = new AbortController()
    const writing = Array.from({ length: others }, () => write(search, busy.signal))
    await pause(busyMs)
    await pipeline.flows()
    busy.abort()
    const rejected = (await Promise.all(writing)).reduce((sum, each) => sum + each, 0)
    assert.ok(rejected > 0, 'OpenSearch rejected something')
    t.diagnostic(`others were rejected ${rejected} times, ${await rejections(search)} in all`)
  })
})

/** Bulk after bulk, until the signal aborts. Resolves with how many were rejected. */
async function write({ url }: OpenSearchEngine, stop: AbortSignal): Promise<number> {
  const lines = `{"index":{}}\n{"text":"${'word '.repeat(200)}"}\n`.repeat(200)
  let rejected = 0
  while (!stop.aborted) {
    const answer = await fetch(`${url}/others/_bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines,
    })
    if ((await answer.text()).includes('"status":429')) rejected += 1
  }
  return rejected
}

async function rejections({ url }: OpenSearchEngine): Promise<number> {
  const answer = await fetch(`${url}/_nodes/stats/thread_pool?filter_path=**.write.rejected`)
  return Number(/"rejected":(\d+)/.exec(await answer.text())?.[1] ?? 0)
}
