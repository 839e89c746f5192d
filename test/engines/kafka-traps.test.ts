// Over 400 lines: every trap of the client in one list, on one broker.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { openKafkaBus } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus, BusConsumer, BusError } from '../../services/bus/bus.ts'
import { done, keyFor, readRecords, texts, textsOf, withCode } from '../contracts/bus-probe.ts'
import { until } from '../support/until.ts'
import { engineOfFile } from './engine-of-file.ts'
import { plainOptions } from './kafka-bus-fixture.ts'
import { kafkaClient } from './kafka-client.ts'
import type { KafkaEngine } from './kafka-engine.ts'
import { findKafkaTools, produceInJava } from './kafka-tools.ts'
import { startKafka } from './kafka.ts'

/*
 * What kafkajs and Kafka do that would lose, skip or hide something, each by its own test. The notes on the client number them;
 * two more stand at the end.
 */
const kafka = await engineOfFile("traps of Kafka's client", (t) =>
  startKafka(t, { ownProcess: true }),
)
if (kafka !== null) traps(kafka)

function traps(kafka: KafkaEngine): void {
  test('1: a record for a partition that is gone is refused, not left out of the answer', async (t) => {
    const { bus, topic } = await openTopic(t, kafka, 4)
    await bus.producer.send(topic, keyFor(3, 4), texts('there'))
    await withAdmin(kafka, async (admin) => {
      await admin.deleteTopics({ topics: [topic] })
      await recreate(admin, topic, 1)
    })
    await assert.rejects(
      bus.producer.send(topic, keyFor(3, 4), texts('nowhere')),
      saying('BUS_PARTITIONS_DIFFER', topic, '1', '3'),
    )
    await bus.producer.send(topic, keyFor(0, 4), texts('still there'))
  })

  test('2: a start before the oldest record is an error', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c'))
    await deleteUpTo(kafka, topic, 2n)
    const consumer = bus.consumer({ group, topics: [topic], startAt: async () => 1n })
    await assert.rejects(run(consumer), saying('BUS_OFFSET_OUT_OF_RANGE', topic, '1', '2', '3'))
  })

  test("2: a reader whose next record was deleted ends, skips nothing and leaves the group's offset", async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c', 'd'))
    const seen: string[] = []
    const consumer = bus.consumer({ group, topics: [topic], maxRecords: 1 })
    const reading = run(consumer, async (batch) => {
      seen.push(...textsOf(batch.records))
      if (seen.length < 2) return done(batch)
      if (seen.length === 2) await deleteUpTo(kafka, topic, 3n)
      throw new Error('so that it is fetched again')
    })
    await assert.rejects(reading, saying('BUS_OFFSET_OUT_OF_RANGE', topic, '1', '3', '4'))
    assert.ok(!seen.includes('d'), 'nothing after the hole was handed over')
    assert.equal(await committedOf(kafka, group, topic), '1')
  })

  test('2: a reader of a topic that was made anew ends, although there is nothing to read', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b'))
    let handled = 0
    const startAt = async (): Promise<bigint> => BigInt(handled)
    const consumer = bus.consumer({ group, topics: [topic], startAt })
    const reading = run(consumer, async (batch) => {
      handled += batch.records.length
      return done(batch)
    })
    await until(() => handled === 2, 'both were handled')
    await withAdmin(kafka, async (admin) => {
      await admin.deleteTopics({ topics: [topic] })
      await recreate(admin, topic, 1)
    })
    await assert.rejects(reading, withCode('BUS_OFFSET_OUT_OF_RANGE'))
  })

  test('2: an offset of -2 that a client committed is not taken for none', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await withAdmin(kafka, (admin) =>
      admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '-2' }] }),
    )
    const consumer = bus.consumer({ group, topics: [topic] })
    await assert.rejects(run(consumer), saying('BUS_OFFSET_OUT_OF_RANGE', group, topic, '-2'))
  })

  test('3: a reader that did not hear the coordinator for too long is stale, and what it did is not committed', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    const stop = new AbortController()
    const errors: unknown[] = []
    let handed = 0
    const consumer = bus.consumer({ group, topics: [topic] })
    const reading = run(
      consumer,
      async (batch) => {
        handed += 1
        if (handed > 1) {
          stop.abort()
          return done(batch)
        }
        kafka.freeze()
        try {
          for (;;) {
            await batch.beat()
            await pause(50)
          }
        } catch (error) {
          errors.push(error)
        } finally {
          kafka.thaw()
        }
        return done(batch)
      },
      stop.signal,
    )
    await reading
    assert.ok(errors.every(withCode('BUS_STALE_READER')))
    assert.equal(errors.length, 1)
    assert.equal(handed, 2, 'the batch was handed over again')
  })

  test('4: what a handler got done before it failed is not handed over again', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a', 'b', 'c', 'd'))
    const seen: string[] = []
    const stop = new AbortController()
    await run(
      bus.consumer({ group, topics: [topic], maxRecords: 1 }),
      async (batch) => {
        seen.push(...textsOf(batch.records))
        if (seen.length === 3) throw new Error('in the middle of what was fetched')
        if (seen.at(-1) === 'd') stop.abort()
        return done(batch)
      },
      stop.signal,
    )
    assert.deepEqual(seen, ['a', 'b', 'c', 'c', 'd'])
  })

  test('5: settings of a topic that is there stay as they are, however it is opened', async (t) => {
    const { topic } = await openTopic(t, kafka)
    await withAdmin(kafka, (admin) => changeSetting(admin, topic, 'segment.ms', '123456789'))
    await openAgain(t, kafka, topic)
    const settings = await withAdmin(kafka, (admin) => settingsOf(admin, topic))
    assert.equal(settings.get('segment.ms'), '123456789')
    assert.equal(settings.get('cleanup.policy'), 'delete')
  })

  test('7: topics are made once, whoever asks at the same time', async (t) => {
    const topic = `trap.${randomUUID()}`
    await Promise.all([1, 2, 3].map(() => openAgain(t, kafka, topic)))
  })

  test('8: bytes that are no Buffer arrive as they are', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    const bytes = new Uint8Array([9, 0, 1, 2, 255]).subarray(1) as Buffer
    await bus.producer.send(topic, bytes, [{ value: bytes, headers: { plain: bytes } }])
    const [read] = await readRecords(bus, { group, topics: [topic] }, 1)
    const wanted = Buffer.from([0, 1, 2, 255])
    assert.deepEqual(read?.key, wanted)
    assert.deepEqual(read.value, wanted)
    assert.deepEqual(read.headers['plain'], wanted)
  })

  for (const codec of ['gzip', 'zstd'] as const) {
    test(`9: records that another client compressed with ${codec} are read`, async (t) => {
      const tools = await findKafkaTools(t)
      if (tools === null) return
      const { bus, topic, group } = await openTopic(t, kafka)
      await produceInJava(tools, kafka.brokers, topic, codec, 500)
      const read = await readRecords(bus, { group, topics: [topic] }, 500)
      assert.ok(read.every(({ value }) => value.length === 100))
    })
  }

  for (const codec of ['snappy', 'lz4'] as const) {
    test(`9: records compressed with ${codec} end the reader with a sentence that names them`, async (t) => {
      const tools = await findKafkaTools(t)
      if (tools === null) return
      const { bus, topic, group } = await openTopic(t, kafka, 3)
      await bus.producer.send(topic, keyFor(1, 3), texts('readable'))
      await produceInJava(tools, kafka.brokers, topic, codec, 1)
      const reading = run(bus.consumer({ group, topics: [topic] }))
      await assert.rejects(reading, (error: Error) => {
        assert.ok(withCode('BUS_UNREADABLE')(error), error.message)
        assert.match(error.message, new RegExp(`${topic}\\[\\d\\].*${codec}`, 'i'))
        return true
      })
    })
  }

  test('10: a bus on a frozen broker closes all the same', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    const { baseOffset } = await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    let handled = 0
    const reading = run(bus.consumer({ group, topics: [topic] }), async (batch) => {
      handled += 1
      return done(batch)
    })
    await until(() => handled === 1, 'a record was handled')
    kafka.freeze()
    using _thaw = { [Symbol.dispose]: () => kafka.thaw() }
    const { send } = await sendUntilUnanswered(bus, topic)
    const refused = assert.rejects(send, withCode('BUS_CLOSED'))
    await bus[Symbol.asyncDispose]()
    await Promise.all([refused, reading])
    assert.equal(baseOffset, 0n)
  })

  test('12: the producer is not idempotent, whose batches may be acknowledged and not there', async (t) => {
    const { bus, topic } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    assert.equal(await producerIdOf(kafka, topic), '-1')
  })

  test('a topic that got more partitions ends its readers: keys would move', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    await withAdmin(kafka, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }),
    )
    const reading = run(bus.consumer({ group, topics: [topic] }))
    await assert.rejects(reading, saying('BUS_PARTITIONS_DIFFER', topic, '1'))
    await assert.rejects(
      openAgain(t, kafka, topic),
      saying('BUS_PARTITIONS_DIFFER', topic, '2', '1'),
    )
  })

  test('offsets that are not dense are no loss: transactions leave markers between them', async (t) => {
    const { bus, topic, group } = await openTopic(t, kafka)
    const producer = kafkaClient(kafka).producer({
      transactionalId: randomUUID(),
      // The last transaction may not have ended yet.
      retry: { retries: 50 },
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    for (const value of ['a', 'b', 'c']) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ key: 'key', value, partition: 0 }] })
      await transaction.commit()
    }
    await producer.disconnect()
    await withAdmin(kafka, (admin) =>
      // A commit is answered before its marker is written.
      until(async () => (await endOf(admin, topic)) === '6', 'the last marker is there'),
    )
    await bus.producer.send(topic, Buffer.from('key'), texts('d'))
    const read = await readRecords(bus, { group, topics: [topic], maxRecords: 1 }, 4)
    assert.deepEqual(textsOf(read), ['a', 'b', 'c', 'd'])
    assert.equal(read[3]?.offset, 6n, 'each transaction left a marker')
  })

  test('Node is not told of a negative time, by whoever loads the client', async (t) => {
    const warnings: string[] = []
    const listen = (warning: Error): void => void warnings.push(warning.name)
    process.on('warning', listen)
    t.after(() => process.off('warning', listen))
    const { bus, topic } = await openTopic(t, kafka)
    await bus.producer.send(topic, Buffer.from('key'), texts('a'))
    process.emitWarning('somebody else', 'Another')
    await until(() => warnings.includes('Another'), 'other warnings are still told')
    assert.ok(!warnings.includes('TimeoutNegativeWarning'))
  })
}

interface OpenTopic {
  readonly bus: Bus
  readonly topic: string
  readonly group: string
}

async function openTopic(t: TestContext, kafka: KafkaEngine, partitions = 1): Promise<OpenTopic> {
  const topic = `trap.${randomUUID()}`
  const bus = await openAgain(t, kafka, topic, partitions)
  return { bus, topic, group: `group-${randomUUID()}` }
}

async function openAgain(
  t: TestContext,
  kafka: KafkaEngine,
  topic: string,
  partitions = 1,
): Promise<Bus> {
  const bus = await openKafkaBus({
    ...plainOptions(kafka),
    topics: [{ name: topic, partitions, retentionMs: 3_600_000 }],
  })
  t.after(() => bus[Symbol.asyncDispose]())
  return bus
}

/** A broker stops a little after it was told to. */
async function sendUntilUnanswered(
  bus: Bus,
  topic: string,
): Promise<{ readonly send: Promise<unknown> }> {
  for (;;) {
    const send = bus.producer.send(topic, Buffer.from('key'), texts('again'))
    const answer = await Promise.race([send, pause(500, 'none')])
    if (answer === 'none') return { send }
  }
}

function run(
  consumer: BusConsumer,
  handle: Parameters<BusConsumer['run']>[0] = async (batch) => done(batch),
  signal = new AbortController().signal,
): Promise<void> {
  return consumer.run(handle, signal)
}

function saying(code: BusError['code'], ...parts: readonly string[]): (error: Error) => boolean {
  return (error) => {
    assert.ok(withCode(code)(error), error.stack)
    for (const part of parts) assert.ok(error.message.includes(part), error.message)
    return true
  }
}

async function withAdmin<T>(
  engine: KafkaEngine,
  work: (admin: kafkajs.Admin) => Promise<T>,
): Promise<T> {
  const admin = kafkaClient(engine).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

async function recreate(admin: kafkajs.Admin, topic: string, partitions: number): Promise<void> {
  await admin.createTopics({
    waitForLeaders: false,
    topics: [
      {
        topic,
        numPartitions: partitions,
        configEntries: [{ name: 'max.message.bytes', value: '9000000' }],
      },
    ],
  })
}

/** The client wants to know the topic before. */
async function deleteUpTo(engine: KafkaEngine, topic: string, offset: bigint): Promise<void> {
  await withAdmin(engine, async (admin) => {
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({
      topic,
      partitions: [{ partition: 0, offset: String(offset) }],
    })
  })
}

async function endOf(admin: kafkajs.Admin, topic: string): Promise<string | undefined> {
  return (await admin.fetchTopicOffsets(topic))[0]?.high
}

async function committedOf(
  engine: KafkaEngine,
  group: string,
  topic: string,
): Promise<string | undefined> {
  const found = await withAdmin(engine, (admin) =>
    admin.fetchOffsets({ groupId: group, topics: [topic] }),
  )
  return found[0]?.partitions[0]?.offset
}

async function settingsOf(
  admin: kafkajs.Admin,
  topic: string,
): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  })
  const entries = resources.flatMap(({ configEntries }) => configEntries)
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
}

/** The client's way of changing one forgets all others, so all are named. */
async function changeSetting(
  admin: kafkajs.Admin,
  topic: string,
  name: string,
  value: string,
): Promise<void> {
  const settings = new Map(await settingsOf(admin, topic))
  settings.set(name, value)
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [...settings].map(([name, value]) => ({ name, value })),
      },
    ],
  })
}

async function producerIdOf(engine: KafkaEngine, topic: string): Promise<unknown> {
  const consumer = kafkaClient(engine).consumer({ groupId: randomUUID() })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const eachMessage = ({ message }: { readonly message: object }): Promise<void> => {
        const { batchContext } = message as { readonly batchContext?: { producerId: unknown } }
        resolve(batchContext?.producerId)
        return Promise.resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}
