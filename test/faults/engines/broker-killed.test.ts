import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { startKafka } from '../../engines/kafka.ts'
import { survives } from './run.ts'

const kills = Number(process.env['FAULT_BROKER_KILLS'] ?? 2)

test(`the one broker is killed ${kills} times under load: nothing lost, nothing twice`, async (t) => {
  await using kafka = await startKafka(t, { ownProcess: true })
  if (kafka === null) return
  await survives(t, { kafka, search: null }, async (pipeline) => {
    for (let kill = 0; kill < kills; kill += 1) {
      await pause(Math.random() * 1_000)
      await kafka.kill()
      await pause(Math.random() * 2_000)
      await kafka.start()
      await pipeline.flows()
    }
  })
})
