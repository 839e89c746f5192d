import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { startKafka } from '../../engines/kafka.ts'
import { survives } from './run.ts'

const frozenMs = Number(process.env['FAULT_FROZEN_MS'] ?? 4_000)

test(`the broker answers nothing for ${frozenMs} ms and its connections stay open: nothing lost, nothing twice`, async (t) => {
  await using kafka = await startKafka(t, { ownProcess: true })
  if (kafka === null) return
  await survives(t, { kafka, search: null }, async ({ recorder }) => {
    kafka.freeze()
    await pause(frozenMs)
    const { recorded, spoolEvents } = recorder.stats()
    kafka.thaw()
    assert.ok(spoolEvents > 0, `${spoolEvents} of ${recorded} events wait`)
  })
})
