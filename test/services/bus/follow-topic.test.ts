import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import { openEmbeddedBus } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { followTopic } from '../../../services/bus/follow-topic.ts'
import { KeptOffsets } from '../../../services/bus/kept-offsets.ts'

const topic = 'numbers'
const logger = pino({ level: 'silent' })

interface Setup {
  readonly bus: Bus
  readonly file: string
  send(value: string): Promise<void>
}

async function aTopic(t: TestContext): Promise<Setup> {
  const directory = await mkdtemp(join(tmpdir(), 'follow-topic-'))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.db'),
    topics: [{ name: topic, partitions: 3 }],
  })
  t.after(async () => {
    await bus[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  return {
    bus,
    file: join(directory, 'offsets.json'),
    send: async (value) => {
      await bus.producer.send(topic, Buffer.from(value), [
        { value: Buffer.from(value), headers: {} },
      ])
    },
  }
}

/** What one start reads until it is caught up, sorted. */
async function read({ bus }: Setup, offsets: KeptOffsets | null): Promise<readonly string[]> {
  const stop = new AbortController()
  const taken: string[] = []
  const following = followTopic({
    bus,
    group: 'test',
    topic,
    take: ({ value }) => {
      taken.push(value.toString())
    },
    ...(offsets === null ? {} : { offsets }),
    signal: stop.signal,
  })
  await following.caughtUp
  stop.abort()
  await following.done
  return taken.toSorted()
}

async function readOn(setup: Setup): Promise<readonly string[]> {
  await using offsets = await KeptOffsets.open(setup.file, logger)
  return await read(setup, offsets)
}

test('each start reads everything, and one that keeps its offsets what has come since', async (t) => {
  const setup = await aTopic(t)
  assert.deepEqual(await readOn(setup), [])
  for (const value of ['a', 'b', 'c', 'd', 'e']) await setup.send(value)
  assert.deepEqual(await readOn(setup), ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await readOn(setup), [], 'it is caught up with nothing to read')
  await setup.send('f')
  assert.deepEqual(await readOn(setup), ['f'])
  assert.deepEqual(await read(setup, null), ['a', 'b', 'c', 'd', 'e', 'f'])
})

test('offsets that cannot be read, or that the topic does not have, are begun anew', async (t) => {
  const setup = await aTopic(t)
  await setup.send('a')
  for (const text of ['', '[[0', '{}', '[[0,"x"]]', '[[0,"99"],[1,"99"],[2,"99"]]', '[[0,"-1"]]']) {
    await writeFile(setup.file, text)
    assert.deepEqual(await readOn(setup), ['a'], text)
    assert.deepEqual(await readOn(setup), [], text)
  }
})

test('what could not be taken comes again, and until then it is not caught up', async (t) => {
  const setup = await aTopic(t)
  await using offsets = await KeptOffsets.open(setup.file, logger)
  await setup.send('a')
  const stop = new AbortController()
  const tries: string[] = []
  const following = followTopic({
    bus: setup.bus,
    group: 'test',
    topic,
    take: ({ value }) => {
      tries.push(value.toString())
      return tries.length < 3 ? Promise.reject(new Error('not now')) : Promise.resolve()
    },
    offsets,
    signal: stop.signal,
  })
  await following.caughtUp
  assert.deepEqual(tries, ['a', 'a', 'a'])
  stop.abort()
  await following.done
})
