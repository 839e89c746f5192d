import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import {
  openEmbeddedBus,
  type EmbeddedBusOptions,
} from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { followTopic } from '../../../services/bus/follow-topic.ts'
import { KeptOffsets } from '../../../services/bus/kept-offsets.ts'
import type { Missed } from '../../../services/bus/read-on.ts'
import { until } from '../../support/until.ts'

const topic = 'numbers'
const retentionMs = 3_600_000
const logger = pino({ level: 'silent' })

interface Setup {
  readonly bus: Bus
  readonly file: string
  send(value: string): Promise<void>
  /** Of each partition. */
  ends(): Promise<readonly bigint[]>
}

async function aTopic(t: TestContext, options: Partial<EmbeddedBusOptions> = {}): Promise<Setup> {
  const directory = await mkdtemp(join(tmpdir(), 'follow-topic-'))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.db'),
    topics: [{ name: topic, partitions: 3, retentionMs }],
    ...options,
  })
  t.after(async () => {
    await bus[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  return {
    bus,
    file: join(directory, 'offsets.json'),
    ends: async () => {
      const marks = await Promise.all([0, 1, 2].map((each) => bus.watermarks(topic, each)))
      return marks.map(({ high }) => high)
    },
    send: async (value) => {
      await bus.producer.send(topic, Buffer.from(value), [
        { value: Buffer.from(value), headers: {} },
      ])
    },
  }
}

/** What one start reads until it is caught up, and told of so many holes, sorted. */
async function read(
  { bus }: Setup,
  offsets: KeptOffsets | null,
  missed: Missed[] = [],
  holes = 0,
): Promise<readonly string[]> {
  const stop = new AbortController()
  const taken: string[] = []
  const following = followTopic({
    bus,
    group: 'test',
    topic,
    take: ({ value }) => {
      taken.push(value.toString())
    },
    ...(offsets === null ? {} : { kept: { offsets, onMissed: (each) => missed.push(each) } }),
    signal: stop.signal,
  })
  await following.caughtUp
  await until(() => missed.length >= holes)
  stop.abort()
  await following.done
  return taken.toSorted()
}

async function goOn(setup: Setup, missed: Missed[] = [], holes = 0): Promise<readonly string[]> {
  await using offsets = await KeptOffsets.open(setup.file, logger)
  return await read(setup, offsets, missed, holes)
}

test('each start reads everything, and one that keeps its offsets what has come since', async (t) => {
  const setup = await aTopic(t)
  assert.deepEqual(await goOn(setup), [])
  for (const value of ['a', 'b', 'c', 'd', 'e']) await setup.send(value)
  assert.deepEqual(await goOn(setup), ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await goOn(setup), [], 'it is caught up with nothing to read')
  await setup.send('f')
  assert.deepEqual(await goOn(setup), ['f'])
  assert.deepEqual(await read(setup, null), ['a', 'b', 'c', 'd', 'e', 'f'])
})

test('offsets that cannot be read are begun anew', async (t) => {
  const setup = await aTopic(t)
  await setup.send('a')
  for (const text of ['', '[[0', '{}', '[[0,"x"]]']) {
    await writeFile(setup.file, text)
    assert.deepEqual(await goOn(setup), ['a'], text)
    assert.deepEqual(await goOn(setup), [], text)
  }
})

test('offsets that the topic does not have are told, and begun anew', async (t) => {
  const setup = await aTopic(t)
  await setup.send('a')
  await writeFile(setup.file, '[[0,"99"],[1,"99"],[2,"99"]]')
  const missed: Missed[] = []
  assert.deepEqual(await goOn(setup, missed, 3), ['a'])
  assert.deepEqual(
    new Set(
      missed.map(({ partition, stoppedAt, reason }) => `${partition} ${stoppedAt} ${reason}`),
    ),
    new Set(['0 99 cut_off', '1 99 cut_off', '2 99 cut_off']),
  )
  assert.deepEqual(await goOn(setup, missed), [])
  assert.equal(missed.length, 3)
})

test('what was deleted before it was taken is told, and is nothing to catch up with', async (t) => {
  let nowMs = 1_000_000
  const setup = await aTopic(t, { clock: () => nowMs, retentionEveryMs: 5 })
  for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await setup.send(value)
  assert.deepEqual(await goOn(setup), ['a', 'b', 'c', 'd', 'e', 'f'])
  const read = await setup.ends()
  // Of every partition something was read, so all of these are missed.
  assert.ok(read.every((end) => end > 0n))
  for (const value of ['g', 'h', 'i', 'j']) await setup.send(value)
  const ends = await setup.ends()
  const longer = [0, 1, 2].filter((partition) => ends[partition] !== read[partition])
  nowMs += retentionMs + 1
  for (const partition of [0, 1, 2]) {
    await until(async () => (await setup.bus.watermarks(topic, partition)).low === ends[partition])
  }
  const missed: Missed[] = []
  assert.deepEqual(await goOn(setup, missed, longer.length), [])
  assert.deepEqual(
    missed
      .map(({ partition, stoppedAt, from, reason }) => ({ partition, stoppedAt, from, reason }))
      .toSorted((one, other) => one.partition - other.partition),
    longer.map((partition) => ({
      partition,
      stoppedAt: read[partition],
      from: ends[partition],
      reason: 'deleted',
    })),
  )
  await setup.send('k')
  assert.deepEqual(await goOn(setup, missed), ['k'])
  assert.equal(missed.length, longer.length)
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
    kept: { offsets, onMissed: () => assert.fail('nothing is missing') },
    signal: stop.signal,
  })
  await following.caughtUp
  assert.deepEqual(tries, ['a', 'a', 'a'])
  stop.abort()
  await following.done
})
