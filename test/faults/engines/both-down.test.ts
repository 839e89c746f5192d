import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { startKafka } from '../../engines/kafka.ts'
import { startOpenSearch } from '../../engines/opensearch.ts'
import { survives } from './run.ts'

const downMs = Number(process.env['FAULT_DOWN_MS'] ?? 5_000)

test(`Kafka and OpenSearch are both down for ${downMs} ms: the spool holds it all, and afterwards it is sealed and indexed once`, async (t) => {
  await using kafka = await startKafka(t, { ownProcess: true })
  if (kafka === null) return
  await using search = await startOpenSearch(t, { ownProcess: true })
  if (search === null) return
  await survives(t, { kafka, search }, async ({ load, recorder }) => {
    const before = load.taken.length
    await Promise.all([kafka.kill(), search.kill()])
    await pause(downMs)
    const { spoolBytes, spoolEvents } = recorder.stats()
    const during = load.taken.length - before
    t.diagnostic(`${during} events while both were down, ${spoolEvents} (${spoolBytes} bytes) wait`)
    assert.ok(spoolEvents >= during, 'all of them wait in the spool')
    await Promise.all([kafka.start(), search.start()])
  })
})
