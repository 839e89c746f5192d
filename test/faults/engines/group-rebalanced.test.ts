import { test } from 'node:test'

import { topics } from '../../../services/bus/topics.ts'
import { startKafka } from '../../engines/kafka.ts'
import type { KafkaEngine } from '../../engines/kafka.ts'
import { busOn, survives } from './run.ts'

const rebalances = Number(process.env['FAULT_REBALANCES'] ?? 2)

test(`another reader joins the ledger's group ${rebalances} times while it appends: nothing lost, nothing twice`, async (t) => {
  await using kafka = await startKafka(t, { ownProcess: true })
  if (kafka === null) return
  await survives(t, { kafka, search: null }, async (pipeline) => {
    for (let count = 0; count < rebalances; count += 1) {
      await intrude(kafka)
      await pipeline.flows()
    }
  })
})

/**
 * Takes partitions from the ledger in the middle of its work, and commits for the group what the ledger has not sealed: that must not
 * count. Leaves once it was given something.
 */
async function intrude(kafka: KafkaEngine): Promise<void> {
  const enough = new AbortController()
  await using bus = await busOn(kafka)
  await using consumer = bus.consumer({ group: 'ledger', topics: [topics.auditEvents] })
  const given = consumer.run((batch) => {
    enough.abort()
    return Promise.resolve({ commit: batch.highWatermark })
  }, enough.signal)
  await given
}
