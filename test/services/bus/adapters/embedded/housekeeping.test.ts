import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bus } from '../../../../../services/bus/bus.ts'
import { done, readRecords, texts, textsOf, withCode } from '../../../../contracts/bus-probe.ts'
import { busDirectory } from './bus-directory.ts'

const key = Buffer.from('key')

test('records older than the retention are deleted, the offsets go on, also after a restart', async (t) => {
  const directory = await busDirectory(t)
  let nowMs = 1_000_000
  const options = {
    topics: [{ name: 'events', partitions: 1, retentionMs: 1_000 }],
    clock: () => nowMs,
    retentionEveryMs: 10,
  }
  const bus = await directory.open(options)
  for (let number = 0; number < 200; number += 1) {
    await bus.producer.send('events', key, texts(`old ${number}`))
  }
  nowMs += 500
  await bus.producer.send('events', key, texts('young'))
  nowMs += 600
  await lowIs(bus, 200n)
  const read = await readRecords(bus, { group: 'g', topics: ['events'] }, 1)
  assert.deepEqual(textsOf(read), ['young'])
  nowMs += 5_000
  await lowIs(bus, 201n)
  await bus[Symbol.asyncDispose]()
  const again = await directory.open(options)
  assert.deepEqual(await again.watermarks('events', 0), { low: 201n, high: 201n })
  assert.equal((await again.producer.send('events', key, texts('next'))).baseOffset, 201n)
})

test('a reader whose place was deleted gets an error, never a gap', async (t) => {
  const directory = await busDirectory(t)
  let nowMs = 1_000_000
  const bus = await directory.open({
    topics: [{ name: 'events', partitions: 1, retentionMs: 1_000 }],
    clock: () => nowMs,
    retentionEveryMs: 10,
  })
  await bus.producer.send('events', key, texts('a', 'b'))
  await bus.producer.send('events', key, texts('c'))
  await using consumer = bus.consumer({ group: 'g', topics: ['events'], maxRecords: 2 })
  const run = consumer.run(async (batch) => {
    nowMs += 5_000
    await lowIs(bus, 3n)
    await bus.producer.send('events', key, texts('d'))
    return { ...done(batch), commit: 1n }
  }, new AbortController().signal)
  await assert.rejects(run, (error: Error) => {
    assert.ok(withCode('BUS_OFFSET_OUT_OF_RANGE')(error))
    assert.match(error.message, /events\[0\].* offset 1: .* 3, .* 4/)
    return true
  })
  const startAt = async (): Promise<bigint> => 2n
  await using early = bus.consumer({ group: 'h', topics: ['events'], startAt })
  await assert.rejects(
    early.run(async (batch) => done(batch), new AbortController().signal),
    withCode('BUS_OFFSET_OUT_OF_RANGE'),
  )
})

test('a compacted topic keeps the newest record of each key at its offset', async (t) => {
  const directory = await busDirectory(t)
  const options = { topics: [{ name: 'events', partitions: 1, compacted: true, retentionMs: 1 }] }
  const bus = await directory.open({ ...options, retentionEveryMs: 5 })
  await bus.producer.send('events', Buffer.from('a'), texts('a0', 'a1'))
  await bus.producer.send('events', Buffer.from('b'), texts('b0', 'b1', 'b2'))
  await bus.producer.send('events', Buffer.from('a'), texts('a2'))
  await bus.producer.send('events', Buffer.from('c'), texts('c0', 'c1'))
  await bus[Symbol.asyncDispose]()
  const again = await directory.open(options)
  const read = await readRecords(again, { group: 'g', topics: ['events'] }, 3)
  assert.deepEqual(
    read.map(({ key, value, offset }) => `${key.toString()} ${value.toString()} ${offset}`),
    ['b b2 4', 'a a2 5', 'c c1 7'],
  )
  assert.deepEqual(await again.watermarks('events', 0), { low: 0n, high: 8n })
})

test('a key that was erased is gone from a compacted topic, but for the end of a partition', async (t) => {
  const directory = await busDirectory(t)
  const options = { topics: [{ name: 'events', partitions: 1, compacted: true }] }
  const bus = await directory.open(options)
  for (const [key, value] of ['a a0', 'b b0', 'c c0', 'a ', 'c '].map((pair) => pair.split(' '))) {
    await bus.producer.send('events', Buffer.from(key ?? ''), texts(value ?? ''))
  }
  await bus[Symbol.asyncDispose]()
  const again = await directory.open(options)
  const read = await readRecords(again, { group: 'g', topics: ['events'] }, 2)
  assert.deepEqual(
    read.map(({ key, value, offset }) => `${key.toString()} ${value.toString()} ${offset}`),
    ['b b0 1', 'c  4'],
  )
})

test('a compacted topic is compacted while it is written, under a reader that goes on', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open({ topics: [{ name: 'events', partitions: 1, compacted: true }] })
  for (let round = 0; round < 22; round += 1) {
    const sends = Array.from({ length: 50 }, (_, number) =>
      bus.producer.send('events', Buffer.from(`key ${number}`), texts(`${round}`)),
    )
    await Promise.all(sends)
  }
  const newest = new Map<string, string>()
  const stop = new AbortController()
  let count = 0
  await using consumer = bus.consumer({ group: 'g', topics: ['events'], maxRecords: 10 })
  await consumer.run(async (batch) => {
    for (const { key, value } of batch.records) newest.set(key.toString(), value.toString())
    count += batch.records.length
    const result = done(batch)
    if (result.commit === batch.highWatermark) stop.abort()
    return result
  }, stop.signal)
  assert.equal(newest.size, 50)
  assert.ok([...newest.values()].every((value) => value === '21'))
  assert.ok(count < 22 * 50, 'something was superseded')
})

async function lowIs(bus: Bus, low: bigint): Promise<void> {
  const end = Date.now() + 10_000
  while ((await bus.watermarks('events', 0)).low !== low) {
    assert.ok(Date.now() < end, `the partition never began at ${low}`)
    await pause(5)
  }
}

test('few small records now and then make no large file, though each takes whole pages', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open({ topics: [{ name: 'events', partitions: 1 }] })
  for (let number = 0; number < 3000; number += 1) {
    await bus.producer.send('events', key, texts(`event ${number}`))
  }
  const mebibytes = statSync(`${directory.file}-wal`).size / 2 ** 20
  assert.ok(mebibytes < 64, `the WAL has ${mebibytes} MiB`)
})
