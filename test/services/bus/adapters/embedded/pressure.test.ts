import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { done, readRecords, texts, textsOf, withCode } from '../../../../contracts/bus-probe.ts'
import { until } from '../../../../support/until.ts'
import { busDirectory } from './bus-directory.ts'

const key = Buffer.from('key')
const megabyte = { value: Buffer.alloc(1 << 20, 'x'), headers: {} }

test('sends wait while the queue is full, and all of them come through in order', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open({ queueBytes: 3 << 20 })
  const sends = Array.from({ length: 12 }, () => bus.producer.send('events', key, [megabyte]))
  const offsets = (await Promise.all(sends)).map(({ baseOffset }) => Number(baseOffset))
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test('a send that found no room in time fails with BUS_FULL, and the next one passes', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open({ queueBytes: 1 << 20, sendWaitMs: 0 })
  const sends = Array.from({ length: 8 }, () => bus.producer.send('events', key, [megabyte]))
  const results = await Promise.allSettled(sends)
  assert.equal(results[0]?.status, 'fulfilled')
  const refused = results.filter((result) => result.status === 'rejected')
  assert.ok(refused.length > 0)
  for (const { reason } of refused) assert.ok(withCode('BUS_FULL')(reason))
  await bus.producer.send('events', key, texts('after'))
  const { high } = await bus.watermarks('events', 0)
  assert.equal(high, BigInt(8 - refused.length + 1))
})

test('a full disk refuses the send, shows nothing of it, and takes more once there is room', async (t) => {
  const directory = await busDirectory(t)
  let nowMs = 1_000_000
  const bus = await directory.open({
    topics: [{ name: 'events', partitions: 1, retentionMs: 1_000 }],
    clock: () => nowMs,
    retentionEveryMs: 10,
    maxFileBytes: 4 << 20,
  })
  let taken = 0n
  const fill = async (): Promise<void> => {
    for (;;) taken = (await bus.producer.send('events', key, [megabyte])).baseOffset + 1n
  }
  await assert.rejects(fill(), withCode('BUS_UNAVAILABLE'))
  assert.ok(taken >= 2n)
  // Two batches in one transaction, of which the first alone would fit.
  const both = await Promise.allSettled([
    bus.producer.send('events', key, texts('small')),
    bus.producer.send('events', key, [megabyte]),
  ])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.deepEqual(await bus.watermarks('events', 0), { low: 0n, high: taken })
  const read = await readRecords(bus, { group: 'g', topics: ['events'] }, Number(taken))
  assert.equal(read.length, Number(taken))
  nowMs += 5_000
  await until(async () => (await bus.watermarks('events', 0)).low >= taken)
  const after = await bus.producer.send('events', key, texts('after'))
  assert.equal(after.baseOffset, taken)
  const next = await readRecords(bus, { group: 'g', topics: ['events'] }, 1)
  assert.deepEqual(textsOf(next), ['after'])
})

test('the log of a failed handler names the place and quotes nothing of the record', async (t) => {
  const directory = await busDirectory(t)
  let logged = ''
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      logged += chunk.toString()
      callback()
    },
  })
  const bus = await directory.open({ logger: pino(sink) })
  await bus.producer.send('events', key, texts('SELECT salary FROM people'))
  const stop = new AbortController()
  await using consumer = bus.consumer({ group: 'g', topics: ['events'] })
  let isSecond = false
  await consumer.run(async (batch) => {
    if (!isSecond) {
      isSecond = true
      JSON.parse(batch.records[0]?.value.toString() ?? '')
    }
    stop.abort()
    return done(batch)
  }, stop.signal)
  await until(() => logged.includes('SyntaxError'), 'the failure was logged')
  assert.ok(logged.includes('"topic":"events","partition":0,"offset":"0"'))
  assert.ok(!logged.includes('SELECT') && !logged.includes('salary'))
})
