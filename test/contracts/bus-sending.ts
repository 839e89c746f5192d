import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { partitionOf } from '../../services/bus/partitioner.ts'
import { openTopic, readRecords, texts, textsOf, withCode, type BusFixture } from './bus-probe.ts'

export function busSendingContract(name: string, fixture: BusFixture): void {
  test(`${name}: records of one key come in order from one partition, offsets rising`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, 4)
    const key = Buffer.from('session-1')
    const first = await bus.producer.send(topic, key, texts('a', 'b', 'c'))
    const second = await bus.producer.send(topic, key, texts('d'))
    assert.equal(first.partition, partitionOf(key, 4))
    assert.equal(second.partition, first.partition)
    const read = await readRecords(bus, { group, topics: [topic] }, 4)
    assert.deepEqual(textsOf(read), ['a', 'b', 'c', 'd'])
    assert.ok(read.every((record) => record.partition === first.partition))
    assert.ok(read.every((record) => record.key.equals(key)))
    assert.equal(read[0]?.offset, first.baseOffset)
    assert.equal(read[3]?.offset, second.baseOffset)
    for (let at = 1; at < read.length; at += 1) {
      assert.ok((read[at]?.offset ?? 0n) > (read[at - 1]?.offset ?? 0n))
    }
  })

  test(`${name}: concurrent senders lose nothing and each key keeps its order`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture, 3)
    const senders = Array.from({ length: 20 }, async (_, sender) => {
      for (let number = 0; number < 15; number += 1) {
        const key = Buffer.from(`session-${sender}`)
        await bus.producer.send(
          topic,
          key,
          texts(`${sender}:${number * 2}`, `${sender}:${number * 2 + 1}`),
        )
      }
    })
    await Promise.all(senders)
    const read = await readRecords(bus, { group, topics: [topic] }, 600)
    for (let sender = 0; sender < 20; sender += 1) {
      const own = textsOf(read).filter((text) => text.startsWith(`${sender}:`))
      assert.deepEqual(
        own,
        Array.from({ length: 30 }, (_, number) => `${sender}:${number}`),
      )
    }
  })

  test(`${name}: empty values, empty keys, binary headers and values arrive as they were sent`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const sent = [
      { value: Buffer.alloc(0), headers: {} },
      { value: everyByte, headers: { binary: everyByte, empty: Buffer.alloc(0) } },
      { value: Buffer.from('x'), headers: { 'näme-☃': Buffer.from([0, 255]) } },
    ]
    await bus.producer.send(topic, Buffer.alloc(0), sent)
    const before = Date.now()
    const read = await readRecords(bus, { group, topics: [topic] }, 3)
    assert.deepEqual(
      read.map(({ value, headers }) => ({ value, headers: { ...headers } })),
      sent,
    )
    assert.ok(read.every(({ key }) => key.length === 0))
    assert.ok(read.every(({ timestampMs }) => Math.abs(timestampMs - before) < 60_000))
  })

  test(`${name}: what was handed over may be kept, and what was acknowledged may be changed`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const value = Buffer.from('before')
    await bus.producer.send(topic, Buffer.from('key'), [{ value, headers: { at: value } }])
    value.fill('x')
    for (let number = 0; number < 50; number += 1) {
      await bus.producer.send(topic, Buffer.from('key'), texts(`later ${number}`))
    }
    const read = await readRecords(bus, { group, topics: [topic], maxRecords: 3 }, 51)
    assert.equal(read[0]?.value.toString(), 'before')
    assert.equal(read[0].headers['at']?.toString(), 'before')
    assert.equal(read[50]?.value.toString(), 'later 49')
  })

  test(`${name}: the largest record passes, a larger one is refused and harms nothing`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const key = Buffer.from('key')
    const value = randomBytes(fixture.largestRecordBytes - key.length)
    await bus.producer.send(topic, key, [{ value, headers: {} }])
    const tooLarge = [...texts('with it'), { value: Buffer.concat([value, value]), headers: {} }]
    await assert.rejects(bus.producer.send(topic, key, tooLarge), withCode('BUS_RECORD_TOO_LARGE'))
    await bus.producer.send(topic, key, texts('after'))
    const read = await readRecords(bus, { group, topics: [topic] }, 2)
    assert.ok(read[0]?.value.equals(value))
    assert.equal(read[1]?.value.toString(), 'after')
    assert.equal(read.length, 2)
  })

  test(`${name}: the watermarks say where a partition begins and ends`, async (t) => {
    const { bus, topic } = await openTopic(t, fixture, 2)
    assert.equal(await bus.partitionsOf(topic), 2)
    assert.deepEqual(await bus.watermarks(topic, 0), { low: 0n, high: 0n })
    const key = Buffer.from('key')
    const { partition, baseOffset } = await bus.producer.send(topic, key, texts('a', 'b'))
    assert.deepEqual(await bus.watermarks(topic, partition), { low: 0n, high: baseOffset + 2n })
    assert.deepEqual(await bus.watermarks(topic, 1 - partition), { low: 0n, high: 0n })
  })

  test(`${name}: a topic that does not exist is an error wherever it is named`, async (t) => {
    const { bus, topic, group } = await openTopic(t, fixture)
    const missing = `${topic}.missing`
    const isMissing = withCode('BUS_TOPIC_MISSING')
    await assert.rejects(bus.partitionsOf(missing), isMissing)
    await assert.rejects(bus.producer.send(missing, Buffer.from('k'), texts('a')), isMissing)
    await assert.rejects(
      bus
        .consumer({ group, topics: [missing] })
        .run(async () => ({ commit: 0n }), new AbortController().signal),
      isMissing,
    )
  })

  test(`${name}: a closed bus takes nothing`, async (t) => {
    const { bus, topic } = await openTopic(t, fixture)
    await bus[Symbol.asyncDispose]()
    const sent = bus.producer.send(topic, Buffer.from('key'), texts('late'))
    await assert.rejects(sent, withCode('BUS_CLOSED'))
  })

  test(`${name}: what was acknowledged is there after a restart, and offsets go on`, async (t) => {
    const { bus, restart, topic, group } = await openTopic(t, fixture)
    const key = Buffer.from('key')
    const { baseOffset } = await bus.producer.send(topic, key, texts('a', 'b'))
    const reopened = await restart()
    const next = await reopened.producer.send(topic, key, texts('c'))
    assert.ok(next.baseOffset >= baseOffset + 2n)
    const read = await readRecords(reopened, { group, topics: [topic] }, 3)
    assert.deepEqual(textsOf(read), ['a', 'b', 'c'])
  })
}
