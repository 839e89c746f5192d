import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Batch, Bus, BusConsumer } from '../../services/bus/bus.ts'
import { done, keyFor, openTopic, texts, withCode, type BusFixture } from './bus-probe.ts'
import { until } from '../support/until.ts'

const partitions = 4

export function busSharingContract(name: string, fixture: BusFixture): void {
  test(`${name}: two readers of a group share the partitions, and one takes over when the other leaves`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, partitions)
    await using first = startReader(bus.consumer({ group, topics: [topic] }))
    await using second = startReader(bus.consumer({ group, topics: [topic] }))
    await using sender = startSending(bus, topic)
    await until(() => {
      const [own, others] = [first.recent(), second.recent()]
      const isShared = own.size > 0 && others.size > 0
      return (
        isShared &&
        own.size + others.size === partitions &&
        ![...own].some((partition) => others.has(partition))
      )
    }, 'each has its own partitions')
    await second[Symbol.asyncDispose]()
    await until(() => first.recent().size === partitions, 'the first has all of them')
    await sender[Symbol.asyncDispose]()
    await until(() => {
      const handled = new Set([...first.handled, ...second.handled])
      return sender.sent.every((text) => handled.has(text))
    }, 'everything sent was handled')
  })

  test(`${name}: a partition has one reader at a time, whatever joins and leaves`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, partitions)
    await using sender = startSending(bus, topic)
    const busy = new Set<number>()
    const overlaps: number[] = []
    const enter = async (batch: Batch): Promise<void> => {
      if (busy.has(batch.partition)) overlaps.push(batch.partition)
      busy.add(batch.partition)
      await pause(2)
      busy.delete(batch.partition)
    }
    await using first = startReader(bus.consumer({ group, topics: [topic], maxRecords: 5 }), enter)
    for (let round = 0; round < 3; round += 1) {
      await using other = startReader(
        bus.consumer({ group, topics: [topic], maxRecords: 5 }),
        enter,
      )
      await until(() => other.recent().size > 0, 'the other reader had its turn')
    }
    assert.ok(sender.sent.length > 0 && first.handled.length > 0)
    assert.deepEqual(overlaps, [])
  })

  test(`${name}: a reader whose partition was taken learns it from beat, and the batch goes to the new reader`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, partitions)
    for (let partition = 0; partition < partitions; partition += 1) {
      await bus.producer.send(topic, keyFor(partition, partitions), texts(`${partition}`))
    }
    const stopOld = new AbortController()
    const stale: { partition: number; error: unknown }[] = []
    await using old = bus.consumer({ group, topics: [topic] })
    using _stop = { [Symbol.dispose]: () => stopOld.abort() }
    let began = 0
    const oldRun = old.run(async (batch) => {
      began += 1
      try {
        while (!stopOld.signal.aborted) {
          await batch.beat()
          await pause(5)
        }
      } catch (error) {
        stale.push({ partition: batch.partition, error })
        throw error
      }
      throw new Error('was never finished')
    }, stopOld.signal)
    await until(() => began > 0, 'the old reader is at work')
    await using fresh = startReader(bus.consumer({ group, topics: [topic] }))
    await until(() => stale.length > 0, 'the old reader was told')
    await until(() => fresh.handled.length > 0, 'the new reader has a record')
    stopOld.abort()
    await oldRun
    assert.ok(stale.every(({ error }) => withCode('BUS_STALE_READER')(error)))
    await until(() => new Set(fresh.handled).size === partitions, 'nothing was lost')
  })
}

interface Reader extends AsyncDisposable {
  readonly handled: string[]
  /** The partitions of the last batches. */
  recent(): Set<number>
}

function startReader(
  consumer: BusConsumer,
  enter: (batch: Batch) => Promise<void> = async () => undefined,
): Reader {
  const handled: string[] = []
  let turns: number[] = []
  const stopping = new AbortController()
  const run = consumer.run(async (batch) => {
    await enter(batch)
    for (const { value } of batch.records) handled.push(value.toString())
    turns = [...turns.slice(-(partitions * 4 - 1)), batch.partition]
    return done(batch)
  }, stopping.signal)
  return {
    handled,
    recent: () => new Set(turns),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await run
      await consumer[Symbol.asyncDispose]()
    },
  }
}

/** A record for each partition, again and again. */
function startSending(bus: Bus, topic: string): AsyncDisposable & { readonly sent: string[] } {
  const sent: string[] = []
  const stopping = new AbortController()
  const run = async (): Promise<void> => {
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      for (let partition = 0; partition < partitions; partition += 1) {
        const text = `${partition}:${round}`
        await bus.producer.send(topic, keyFor(partition, partitions), texts(text))
        sent.push(text)
      }
      await pause(2)
    }
  }
  const running = run()
  return {
    sent,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await running
    },
  }
}
