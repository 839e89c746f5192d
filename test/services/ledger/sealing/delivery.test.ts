import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { EventLeaf, Leaf, LossLeaf } from '../../../../schemas/leaf.ts'
import type { Batch, StoredRecord } from '../../../../services/bus/bus.ts'
import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../../services/ledger/adapters/files/open.ts'
import type { FileLedgerOptions } from '../../../../services/ledger/adapters/files/open.ts'
import { LedgerPartition } from '../../../../services/ledger/sealing/ledger-partition.ts'
import { partitionOf } from '../../../../services/bus/partitioner.ts'
import { createLogger } from '../../../../services/runtime/logger.ts'
import { anEvent, encoded } from '../../../support/an-event.ts'
import { ChainOfEvents, aDirectory, ledgerOptions } from '../../../support/a-ledger.ts'
import { openWriter, originOfTest } from '../../../support/a-log-writer.ts'

/** A partition without a bus: batches are handed over as a test wants them. */
async function aPartition(options: FileLedgerOptions, partitions = 1): Promise<LedgerPartition> {
  return new LedgerPartition(0, '9999q9', await openWriter(options), {
    topic: options.topic,
    partitions,
    clock: options.clock,
    randomBytes: (bytes) => options.randomBytes(bytes),
    logger: createLogger('silent'),
    checkpointMs: 10,
    sealedTopic: 'ledger.sealed',
    nextLog: () => Promise.reject(new Error('no other period')),
  })
}

function aRecord(offset: number, value: Buffer): StoredRecord {
  return {
    offset: BigInt(offset),
    key: Buffer.from('edge-1'),
    value,
    headers: {},
    timestampMs: 0,
    leaderEpoch: 7,
  }
}

function aBatch(
  records: readonly StoredRecord[],
  beat = (): Promise<void> => Promise.resolve(),
): Batch {
  return { topic: 'audit.events', partition: 0, records, highWatermark: 100n, beat }
}

async function leaves(options: FileLedgerOptions): Promise<Leaf[]> {
  await using view = await openLedgerReader(options)
  assert.deepEqual((await view.verify()).problems, [])
  const origin = originOfTest(options)
  const { size } = await view.reader.head(origin)
  const found: Leaf[] = []
  for await (const { leaf } of view.reader.entries(origin, 0, size)) found.push(leaf)
  return found
}

test('records that were sealed already are skipped, and missing offsets are sealed as a loss', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const chain = new ChainOfEvents()
  const records = Array.from({ length: 9 }, (_, at) => aRecord(at, chain.next().value))
  {
    await using partition = await aPartition(options)
    await partition.handle(aBatch(records.slice(0, 3)))
    const again = await partition.handle(aBatch(records.slice(1, 5)))
    assert.equal(again.result.commit, 5n)
    await partition.handle(aBatch(records.slice(7)))
    await partition.sign()
  }
  const [, ...sealed] = await leaves(options)
  assert.deepEqual(
    sealed.map((leaf) => (leaf.type === 'event' ? leaf.off : leaf.type)),
    [0, 1, 2, 3, 4, 'loss', 7, 8],
  )
  const loss = sealed[5] as LossLeaf
  assert.deepEqual([loss.from, loss.to, loss.reason], [5, 7, 'offsets_missing'])
  const after = sealed[6] as EventLeaf
  assert.deepEqual([after.poff, after.lepoch], [4, 7])
})

test('where the bus no longer holds the next record, the loss is sealed before reading goes on', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const chain = new ChainOfEvents()
  {
    await using partition = await aPartition(options)
    assert.deepEqual(await partition.startAt(0n, 0n), { from: 'oldest', lost: null })
    await partition.handle(aBatch([aRecord(0, chain.next().value)]))
    assert.deepEqual(await partition.startAt(0n, 1n), { from: 0n, lost: null })
    assert.deepEqual(await partition.startAt(1n, 1n), { from: 1n, lost: null })
    const { from, lost } = await partition.startAt(40n, 50n)
    assert.equal(from, 40n)
    assert.deepEqual(lost, {
      reason: 'below_low_watermark',
      topic: options.topic,
      partition: 0,
      fromOffset: 1,
      toOffset: 39,
      count: 39,
      log: partition.log.origin,
      position: 2,
    })
    assert.deepEqual(await partition.startAt(40n, 50n), { from: 40n, lost: null })
    await partition.sign()
  }
  const sealed = await leaves(options)
  assert.deepEqual(
    sealed.map(({ type }) => type),
    ['genesis', 'event', 'loss'],
  )
  assert.equal((sealed[2] as LossLeaf).reason, 'below_low_watermark')
})

/** A number of partitions of which `edge-1` belongs to the first. */
const partitions =
  Array.from({ length: 100 }, (_, at) => at + 2).find(
    (count) => partitionOf(Buffer.from('edge-1'), count) === 0,
  ) ?? 1

/** Records for each reason, and one that is an event. */
function badRecords(chain: ChainOfEvents): readonly (readonly [string, StoredRecord])[] {
  const { value } = chain.next()
  const unknown = Buffer.from(value)
  unknown.writeUInt32BE(77, 1)
  const untyped = Buffer.from(value)
  // The type of the event: the byte after the id, whose length has one byte.
  untyped[6 + 36] = 0x7e
  const elsewhere = Array.from({ length: 50 }, (_, at) => `s-${at}`).find(
    (key) => partitionOf(Buffer.from(key), partitions) !== 0,
  )
  const longKey = 'k'.repeat(70_000)
  const sent = (value: Buffer, key: string | Buffer = 'edge-1'): StoredRecord => ({
    ...aRecord(0, value),
    key: Buffer.from(key as string),
  })
  return [
    ['no_frame', sent(Buffer.from('{"no":"event"}'))],
    ['no_frame', sent(Buffer.alloc(0))],
    ['unknown_schema', sent(unknown)],
    ['truncated', sent(value.subarray(0, -1))],
    ['trailing_bytes', sent(Buffer.concat([value, Buffer.from([0])]))],
    ['not_an_event', sent(untyped)],
    ['out_of_bounds', sent(encoded(anEvent({ occurred_at: -1 })))],
    ['out_of_bounds', sent(encoded(anEvent({ id: '' })))],
    ['out_of_bounds', sent(encoded(anEvent({ producer: 'p'.repeat(5000) })))],
    ['wrong_key', sent(encoded(anEvent()), 'edge-2')],
    ['wrong_key', sent(encoded(anEvent({ session_id: 'session' })), 'edge-1')],
    ['wrong_key', sent(encoded(anEvent()), '')],
    ['wrong_key', sent(encoded(anEvent({ session_id: 'ä' })), Buffer.from([0xe4]))],
    ['wrong_partition', sent(encoded(anEvent({ session_id: elsewhere ?? '' })), elsewhere)],
    ['key_too_long', sent(encoded(anEvent({ session_id: longKey })), longKey)],
    ['', sent(value)],
  ].map(([reason, record], at) => [
    reason as string,
    { ...(record as StoredRecord), offset: BigInt(at) },
  ])
}

test('what is no event of ours is sealed as it is, with the reason, and the rest goes on', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const records = badRecords(new ChainOfEvents())
  {
    await using partition = await aPartition(options, partitions)
    const { events, findings } = await partition.handle(aBatch(records.map(([, record]) => record)))
    assert.equal(events.length, 1)
    const expected = new Map<string, number>()
    for (const [reason] of records.slice(0, -1)) {
      expected.set(reason, (expected.get(reason) ?? 0) + 1)
    }
    assert.deepEqual(new Map(findings.map(({ reason, count }) => [reason, count])), expected)
    const wrongKey = findings.find(({ reason }) => reason === 'wrong_key')
    assert.deepEqual([wrongKey?.fromOffset, wrongKey?.toOffset, wrongKey?.position], [9, 12, 10])
    await partition.sign()
  }
  const sealed = (await leaves(options)).slice(1) as EventLeaf[]
  assert.deepEqual(
    sealed.map(({ ix, off }) => [off, ix.type, ix.outcome ?? '']),
    records.map(([reason], at) =>
      reason === '' ? [at, 'edge.heartbeat', ''] : [at, 'quarantined', reason],
    ),
  )
  await using view = await openLedgerReader(options)
  for (const [at, [, record]] of records.entries()) {
    const entry = await view.reader.entry(originOfTest(options), at + 1)
    assert.deepEqual(entry.payload, record.value)
  }
})

test('what is set aside under a foreign key is erased with the session it speaks of', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const value = encoded(anEvent({ session_id: 'session' }))
  {
    await using partition = await aPartition(options)
    await partition.handle(aBatch([aRecord(0, value)]))
    await partition.sign()
  }
  await using ledger = await openLedger(options)
  assert.equal(await ledger.erase('session'), 1)
  assert.equal((await ledger.reader.entry(originOfTest(options), 1)).payload, null)
})

test('repeats are sealed and point to the first copy, also over a restart', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const chain = new ChainOfEvents()
  const values = [chain.next().value, chain.next().value]
  const batchOf = (first: number): Batch =>
    aBatch(values.map((value, at) => aRecord(first + at, value)))
  for (const first of [0, 2]) {
    await using partition = await aPartition(options)
    await partition.handle(batchOf(first))
    if (first === 2) await partition.handle(batchOf(4))
    await partition.sign()
  }
  const sealed = (await leaves(options)).slice(1) as EventLeaf[]
  assert.deepEqual(
    sealed.map(({ dupOf }) => dupOf ?? null),
    [null, null, 1, 2, 1, 2],
  )
})

test('a reader that lost the partition seals nothing', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const chain = new ChainOfEvents()
  {
    await using partition = await aPartition(options)
    const lost = aBatch([aRecord(0, chain.next().value)], () => Promise.reject(new Error('lost')))
    await assert.rejects(partition.handle(lost), { message: 'lost' })
    await partition.handle(aBatch([aRecord(0, chain.next().value)]))
    await partition.sign()
  }
  assert.equal((await leaves(options)).length, 2)
})

test('ledger time does not go back when the clock does', async (t) => {
  let nowUs = Date.now() * 1000
  const clock = { nowUs: () => nowUs, nowMs: () => Math.floor(nowUs / 1000) }
  const options = await ledgerOptions(await aDirectory(t), { clock })
  await initLedger(options)
  const chain = new ChainOfEvents()
  {
    await using partition = await aPartition(options)
    for (let offset = 0; offset < 4; offset++) {
      nowUs += offset === 2 ? -60_000_000 : 1000
      await partition.handle(aBatch([aRecord(offset, chain.next().value)]))
      await partition.sign()
    }
  }
  const times = (await leaves(options)).map(({ rt }) => rt)
  assert.deepEqual(times, times.toSorted())
})
