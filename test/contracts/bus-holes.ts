import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Batch, BatchResult, Bus } from '../../services/bus/bus.ts'
import { readOn } from '../../services/bus/read-on.ts'
import type { Missed } from '../../services/bus/read-on.ts'
import { done, readRecords, texts, textsOf, withCode } from './bus-probe.ts'

/** A bus with a topic of one partition that nobody else uses, and what makes holes in it. */
export interface BusWithHoles {
  readonly bus: Bus
  readonly topic: string
  /** Deletes every record that there is now, as retention does. */
  readonly deleteAll: () => Promise<void>
  /** The bus, opened again, with this offset as the committed one of a group that nobody reads as. The old bus is of no use any more. */
  readonly withCommitted: (group: string, offset: bigint) => Promise<Bus>
}

const key = Buffer.from('key')

/** Reading on where records are gone, on whatever bus. */
export function busHolesContract(
  name: string,
  open: (t: TestContext) => Promise<BusWithHoles>,
): void {
  test(`${name}: a group has no committed offset until it commits one`, async (t) => {
    const group = aGroup()
    const { bus, topic } = await open(t)
    await bus.producer.send(topic, key, texts('a', 'b'))
    assert.equal(await bus.committed(group, topic, 0), null)
    await readRecords(bus, { group, topics: [topic], maxRecords: 1 }, 1)
    assert.equal(await bus.committed(group, topic, 0), 1n)
  })

  test(`${name}: what was deleted before a group had read it is told, once, and the rest is read`, async (t) => {
    const group = aGroup()
    const { bus, topic, deleteAll } = await open(t)
    await bus.producer.send(topic, key, texts('a', 'b', 'c'))
    await readRecords(bus, { group, topics: [topic], maxRecords: 1 }, 1)
    await deleteAll()
    await bus.producer.send(topic, key, texts('d'))
    const missed = { topic, partition: 0, stoppedAt: 1n, from: 3n, reason: 'deleted' }
    assert.deepEqual(await read(bus, { topic, group }, 'd'), { seen: ['d'], missed: [missed] })
    await bus.producer.send(topic, key, texts('e'))
    assert.deepEqual(await read(bus, { topic, group }, 'e'), { seen: ['e'], missed: [] })
  })

  test(`${name}: what is deleted under a reader is told, and the rest is read`, async (t) => {
    const group = aGroup()
    const { bus, topic, deleteAll } = await open(t)
    await bus.producer.send(topic, key, texts('a'))
    let isFirst = true
    const found = await read(bus, { topic, group }, 'c', async (batch) => {
      if (textsOf(batch.records)[0] !== 'a') return done(batch)
      if (isFirst) {
        isFirst = false
        await bus.producer.send(topic, key, texts('b'))
        await deleteAll()
        await bus.producer.send(topic, key, texts('c'))
      }
      throw new Error('so that it is read again')
    })
    assert.equal(found.seen.at(-1), 'c')
    const missed = { topic, partition: 0, stoppedAt: 0n, from: 2n, reason: 'deleted' }
    assert.deepEqual(found.missed, [missed])
  })

  test(`${name}: a group whose offset lies beyond the end is told, and reads what there is`, async (t) => {
    const group = aGroup()
    const { bus, topic, withCommitted } = await open(t)
    await bus.producer.send(topic, key, texts('a', 'b'))
    const again = await withCommitted(group, 10n)
    const missed = { topic, partition: 0, stoppedAt: 10n, from: 0n, reason: 'cut_off' }
    assert.deepEqual(await read(again, { topic, group }, 'b'), {
      seen: ['a', 'b'],
      missed: [missed],
    })
  })

  test(`${name}: an offset out of range that is no hole ends the reader`, async (t) => {
    const group = aGroup()
    const { bus, topic } = await open(t)
    await bus.producer.send(topic, key, texts('a'))
    const reading = read(bus, { topic, group }, 'z', async () => ({ commit: 99n }))
    await assert.rejects(reading, withCode('BUS_OFFSET_OUT_OF_RANGE'))
  })
}

/** Nobody else's: a server may be shared. */
function aGroup(): string {
  return `group-${crypto.randomUUID()}`
}

/** Reads on until this text comes. */
async function read(
  bus: Bus,
  { topic, group }: { readonly topic: string; readonly group: string },
  last: string,
  handle: (batch: Batch) => Promise<BatchResult> = async (batch) => done(batch),
): Promise<{ readonly seen: readonly string[]; readonly missed: readonly Missed[] }> {
  const stop = new AbortController()
  const seen: string[] = []
  const missed: Missed[] = []
  await readOn({
    bus,
    group,
    topic,
    handle: async (batch) => {
      seen.push(...textsOf(batch.records))
      if (seen.at(-1) === last) stop.abort()
      return handle(batch)
    },
    onMissed: (each) => missed.push(each),
    signal: stop.signal,
  })
  return { seen, missed }
}
