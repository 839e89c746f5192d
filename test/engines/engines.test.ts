import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Kafka } from 'kafkajs'

import { kafkaClient } from './kafka-client.ts'
import { startKafka } from './kafka.ts'
import { startOpenSearch } from './opensearch.ts'

for (const version of ['4.3.1', '3.9.1'] as const) {
  test(`Kafka ${version} starts, keeps what was sent through a kill, and gives it back`, async (t) => {
    await using kafka = await startKafka(t, { version, ownProcess: true })
    if (kafka === null) return
    const client = kafkaClient(kafka)
    await makeTopic(client)
    await send(client, 'before')
    await kafka.kill()
    await kafka.start()
    await send(client, 'after')
    assert.deepEqual(await read(client, 2), ['before', 'after'])
  })
}

test('three brokers with SASL and ACLs go on without one, and refuse who was granted nothing', async (t) => {
  await using kafka = await startKafka(t, { brokers: 3, security: 'sasl' })
  if (kafka === null) return
  const client = kafkaClient(kafka)
  await makeTopic(client)
  await send(client, 'with three')
  await kafka.kill(0)
  await send(client, 'with two')
  assert.deepEqual(await read(client, 2), ['with three', 'with two'])
  await assert.rejects(send(kafkaClient(kafka, 'outsider'), 'no'), /[Aa]uthoriz/)
  await kafka.start(0)
})

test('OpenSearch 3.8.0 starts, keeps what was indexed through a kill, and finds it', async (t) => {
  await using search = await startOpenSearch(t, { ownProcess: true })
  if (search === null) return
  assert.equal(
    (await ask(search.url, 'PUT', '/letters/_doc/1', { text: 'the first letter' })).status,
    201,
  )
  await search.kill()
  await search.start()
  assert.equal(
    (await ask(search.url, 'PUT', '/letters/_doc/2', { text: 'the second' })).status,
    201,
  )
  await ask(search.url, 'POST', '/letters/_refresh')
  const { body } = await ask(search.url, 'GET', '/letters/_search?q=text:letter')
  const { hits } = body as { readonly hits: { readonly hits: readonly { readonly _id: string }[] } }
  assert.deepEqual(
    hits.hits.map(({ _id: id }) => id),
    ['1'],
  )
})

test('OpenSearch takes settings: one is answered as it was given', async (t) => {
  await using search = await startOpenSearch(t, {
    settings: { 'thread_pool.write.queue_size': '1' },
  })
  if (search === null) return
  const { body } = await ask(search.url, 'GET', '/_nodes/thread_pool?filter_path=**.write')
  assert.match(JSON.stringify(body), /"queue_size":1\b/)
})

const topic = 'letters'

async function makeTopic(client: Kafka): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
}

/** Outlasts a broker that is away. */
const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 }

async function send(client: Kafka, value: string): Promise<void> {
  const producer = client.producer({ retry })
  try {
    await producer.connect()
    await producer.send({ topic, acks: -1, messages: [{ value, partition: 0 }] })
  } finally {
    await producer.disconnect()
  }
}

/** So many values from the beginning, in order. */
async function read(client: Kafka, count: number): Promise<readonly string[]> {
  const consumer = client.consumer({ groupId: 'reader', retry })
  const values: string[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`only ${values.length} of ${count} values came`))
      }, 60_000)
      const eachMessage = ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        if (values.push(message.value?.toString() ?? '') === count) {
          clearTimeout(timer)
          resolve()
        }
        return Promise.resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return values
}

async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await answer.json() }
}
