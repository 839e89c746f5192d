import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import {
  done,
  keyFor,
  openTopic,
  readRecords,
  texts,
  textsOf,
  withCode,
  type BusFixture,
} from './bus-probe.ts'
import { until } from '../support/until.ts'

export function busReadingContract(name: string, fixture: BusFixture): void {
  test(`${name}: a reader is woken by what is sent while it waits`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, 2)
    const read = readRecords(bus, { group, topics: [topic], startAt: async () => 'oldest' }, 2)
    await bus.producer.send(topic, keyFor(0, 2), texts('a'))
    await bus.producer.send(topic, keyFor(1, 2), texts('b'))
    assert.deepEqual(textsOf(await read).sort(), ['a', 'b'])
  })

  test(`${name}: a batch whose handler throws is handed over again before anything after it`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c', 'd'))
    const seen: string[][] = []
    const stop = new AbortController()
    await using consumer = bus.consumer({ group, topics: [topic], maxRecords: 2 })
    await consumer.run(async (batch) => {
      seen.push(textsOf(batch.records))
      if (seen.length <= 2) throw new Error('not yet')
      if (textsOf(batch.records).includes('d')) stop.abort()
      return done(batch)
    }, stop.signal)
    assert.equal(seen[0]?.[0], 'a')
    assert.deepEqual(seen[1], seen[0])
    assert.deepEqual(seen[2], seen[0])
    assert.deepEqual(seen.slice(2).flat(), ['a', 'b', 'c', 'd'])
  })

  test(`${name}: a reader that ends before it committed leaves its batch to the next one`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await readRecords(bus, { group, topics: [topic] }, 1)
    await bus.producer.send(topic, Buffer.from('key'), texts('b'))
    const stop = new AbortController()
    const seen: string[] = []
    {
      await using consumer = bus.consumer({ group, topics: [topic] })
      await consumer.run(async (batch) => {
        seen.push(...textsOf(batch.records))
        stop.abort()
        throw new Error('crashed before the commit')
      }, stop.signal)
    }
    assert.deepEqual(seen, ['b'])
    assert.deepEqual(textsOf(await readRecords(bus, { group, topics: [topic] }, 1)), ['b'])
  })

  test(`${name}: a group goes on where it committed, also after a restart`, async (t) => {
    const { bus, restart, topic, group } = await openTopic(t, fixture)
    const key = Buffer.from('key')
    await bus.producer.send(topic, key, texts('a', 'b'))
    await readRecords(bus, { group, topics: [topic] }, 2)
    await bus.producer.send(topic, key, texts('c'))
    assert.deepEqual(textsOf(await readRecords(bus, { group, topics: [topic] }, 1)), ['c'])
    const reopened = await restart()
    await reopened.producer.send(topic, key, texts('d'))
    assert.deepEqual(textsOf(await readRecords(reopened, { group, topics: [topic] }, 1)), ['d'])
  })

  test(`${name}: what a handler did not commit comes again`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c'))
    const seen: string[] = []
    const stop = new AbortController()
    await using consumer = bus.consumer({ group, topics: [topic] })
    await consumer.run(async (batch) => {
      const first = batch.records[0]
      assert.ok(first)
      seen.push(first.value.toString())
      if (seen.length === 3) stop.abort()
      return { commit: first.offset + 1n }
    }, stop.signal)
    assert.deepEqual(seen, ['a', 'b', 'c'])
  })

  test(`${name}: a reader with a store of its own begins where it says`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const { baseOffset } = await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c'))
    const all = { group, topics: [topic] }
    await readRecords(bus, all, 3)
    const fromB = await readRecords(bus, { ...all, startAt: async () => baseOffset + 1n }, 2)
    assert.deepEqual(textsOf(fromB), ['b', 'c'])
    const again = await readRecords(bus, { ...all, startAt: async () => 'oldest' }, 3)
    assert.deepEqual(textsOf(again), ['a', 'b', 'c'])
  })

  test(`${name}: a start beyond the end is an error that says where`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b'))
    await using consumer = bus.consumer({ group, topics: [topic], startAt: async () => 10n })
    const run = consumer.run(async (batch) => done(batch), new AbortController().signal)
    await assert.rejects(run, (error: Error) => {
      assert.ok(withCode('BUS_OFFSET_OUT_OF_RANGE')(error), error.message)
      for (const part of [topic, '10', '0', '2']) assert.ok(error.message.includes(part))
      return true
    })
  })

  test(`${name}: a start at the end waits for the next record`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const { baseOffset } = await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    const startAt = async (): Promise<bigint> => baseOffset + 1n
    const read = readRecords(bus, { group, topics: [topic], startAt }, 1)
    await bus.producer.send(topic, Buffer.from('key'), texts('b'))
    assert.deepEqual(textsOf(await read), ['b'])
  })

  test(`${name}: two groups read the same records, each at its own pace`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const key = Buffer.from('key')
    await bus.producer.send(topic, key, texts('a', 'b'))
    const other = `${group}-other`
    assert.equal((await readRecords(bus, { group, topics: [topic] }, 2)).length, 2)
    await bus.producer.send(topic, key, texts('c'))
    const late = await readRecords(bus, { group: other, topics: [topic] }, 3)
    assert.deepEqual(textsOf(late), ['a', 'b', 'c'])
    assert.deepEqual(textsOf(await readRecords(bus, { group, topics: [topic] }, 1)), ['c'])
  })

  test(`${name}: no batch is larger than asked for, and each says how far behind it is`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const values = Array.from({ length: 50 }, (_, number) => `${number}`)
    await bus.producer.send(topic, Buffer.from('key'), texts(...values))
    const seen: string[] = []
    const stop = new AbortController()
    await using consumer = bus.consumer({ group, topics: [topic], maxRecords: 7 })
    await consumer.run(async (batch) => {
      assert.ok(batch.records.length <= 7)
      assert.equal(batch.highWatermark, 50n)
      seen.push(...textsOf(batch.records))
      if (seen.length === 50) stop.abort()
      return done(batch)
    }, stop.signal)
    assert.deepEqual(seen, values)
  })

  test(`${name}: a reader of several topics gets them all`, async (t) => {
    const first = `contract.${crypto.randomUUID()}`
    const second = `contract.${crypto.randomUUID()}`
    const opened = [first, second].map((topic) => ({ name: topic, partitions: 1 }))
    const { bus } = await fixture.open(t, opened)
    await bus.producer.send(first, Buffer.from('key'), texts('a'))
    await bus.producer.send(second, Buffer.from('key'), texts('b'))
    const group = `group-${crypto.randomUUID()}`
    const read = await readRecords(bus, { group, topics: [first, second] }, 2)
    assert.deepEqual(textsOf(read).sort(), ['a', 'b'])
  })

  test(`${name}: run ends when its signal aborts while it waits for records`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const stop = new AbortController()
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await using consumer = bus.consumer({ group, topics: [topic] })
    let handled = 0
    const run = consumer.run(async (batch) => {
      handled += batch.records.length
      return done(batch)
    }, stop.signal)
    await until(() => handled === 1, 'the record was handled')
    stop.abort()
    await run
  })

  test(`${name}: run ends at once when its signal aborted before`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await using consumer = bus.consumer({ group, topics: [topic] })
    await consumer.run(async () => assert.fail('nothing is handed over'), AbortSignal.abort())
  })

  test(`${name}: run waits for the handler at work, whose commit counts`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    const stop = new AbortController()
    let isHandled = false
    {
      await using consumer = bus.consumer({ group, topics: [topic] })
      await consumer.run(async (batch) => {
        setTimeout(() => stop.abort(), 1)
        await once(stop.signal, 'abort')
        await batch.beat()
        isHandled = true
        return done(batch)
      }, stop.signal)
      assert.ok(isHandled)
    }
    await bus.producer.send(topic, Buffer.from('key'), texts('b'))
    assert.deepEqual(textsOf(await readRecords(bus, { group, topics: [topic] }, 1)), ['b'])
  })

  test(`${name}: a handler may go back, and what it names comes next`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const { baseOffset } = await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c'))
    const seen: string[] = []
    const stop = new AbortController()
    await using consumer = bus.consumer({ group, topics: [topic], maxRecords: 1 })
    await consumer.run(async (batch) => {
      seen.push(...textsOf(batch.records))
      if (seen.length === 2) return { commit: baseOffset }
      if (seen.at(-1) === 'c') stop.abort()
      return done(batch)
    }, stop.signal)
    assert.deepEqual(seen, ['a', 'b', 'a', 'b', 'c'])
  })

  test(`${name}: an offset beyond the end that a handler names is an error`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await using consumer = bus.consumer({ group, topics: [topic] })
    const run = consumer.run(async () => ({ commit: 99n }), new AbortController().signal)
    await assert.rejects(run, withCode('BUS_OFFSET_OUT_OF_RANGE'))
  })
}
