import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BusConsumer } from '../../../../../services/bus/bus.ts'
import { done, texts } from '../../../../contracts/bus-probe.ts'
import { until } from '../../../../support/until.ts'
import { busDirectory } from './bus-directory.ts'

test('a record has one reader, whichever of its group was closed before the others read', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open()
  const make = (): BusConsumer => bus.consumer({ group: 'g', topics: ['events'] })
  const [unused, first] = [make(), make()]
  await unused[Symbol.asyncDispose]()
  const second = make()
  const handled: bigint[] = []
  const stop = new AbortController()
  const runs = [first, second].map((consumer) =>
    consumer.run(async (batch) => {
      handled.push(...batch.records.map(({ offset }) => offset))
      return done(batch)
    }, stop.signal),
  )
  for (let number = 0; number < 20; number += 1) {
    await bus.producer.send('events', Buffer.from('key'), texts(`${number}`))
    await until(() => handled.includes(BigInt(number)), 'it was handled')
  }
  stop.abort()
  await Promise.all(runs)
  assert.equal(handled.length, 20)
})
