import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { EventLeaf, Leaf, LossLeaf } from '../../../schemas/leaf.ts'
import type { Batch, StoredRecord } from '../../../services/bus/bus.ts'
import { initLedger, openLedgerReader } from '../../../services/ledger/adapters/files/open.ts'
import type { FileLedgerOptions } from '../../../services/ledger/adapters/files/open.ts'
import { LedgerPartition } from '../../../services/ledger/ledger-partition.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { ChainOfEvents, aDirectory, ledgerOptions } from '../../support/a-ledger.ts'
import { openWriter, originOfTest } from '../../support/a-log-writer.ts'

/** A partition without a bus: batches are handed over as a test wants them. */
async function aPartition(options: FileLedgerOptions): Promise<LedgerPartition> {
  return new LedgerPartition(0, '9999q9', await openWriter(options), {
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
    key: Buffer.from('key'),
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
    assert.equal(await partition.startAt(0n), 'oldest')
    await partition.handle(aBatch([aRecord(0, chain.next().value)]))
    assert.equal(await partition.startAt(0n), 1n)
    assert.equal(await partition.startAt(40n), 40n)
    assert.equal(await partition.startAt(40n), 40n)
    await partition.sign()
  }
  const sealed = await leaves(options)
  assert.deepEqual(
    sealed.map(({ type }) => type),
    ['genesis', 'event', 'loss'],
  )
  assert.equal((sealed[2] as LossLeaf).reason, 'below_low_watermark')
})

test('bytes that are no event are sealed as they are, quarantined', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const values = [Buffer.from('no event'), Buffer.alloc(0), Buffer.from([0, 0, 0, 0, 1, 255, 255])]
  {
    await using partition = await aPartition(options)
    await partition.handle(aBatch(values.map((value, at) => aRecord(at, value))))
    await partition.sign()
  }
  const sealed = (await leaves(options)).slice(1) as EventLeaf[]
  assert.deepEqual(
    sealed.map(({ evt, ix, csz }) => [evt, ix.type, csz]),
    values.map((value) => ['', 'quarantined', value.length]),
  )
  await using view = await openLedgerReader(options)
  const entry = await view.reader.entry(originOfTest(options), 1)
  assert.deepEqual(entry.payload, values[0])
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
