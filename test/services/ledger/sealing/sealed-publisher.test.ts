import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { BusError } from '../../../../services/bus/bus.ts'
import type { BusProducer, BusRecord } from '../../../../services/bus/bus.ts'
import { sealedHeaders } from '../../../../services/bus/topics.ts'
import { initLedger } from '../../../../services/ledger/adapters/files/open.ts'
import type { LogWriter } from '../../../../services/ledger/log/log-writer.ts'
import { RecentEntries } from '../../../../services/ledger/log/recent-entries.ts'
import { SealedPublisher } from '../../../../services/ledger/sealing/sealed-publisher.ts'
import { createLogger } from '../../../../services/runtime/logger.ts'
import { aDirectory, ledgerOptions } from '../../../support/a-ledger.ts'
import { commitEvents, openWriter } from '../../../support/a-log-writer.ts'

/** Keeps what is sent, and refuses values over `most` as a broker does: the whole request. */
class KeptProducer implements BusProducer {
  readonly records: BusRecord[] = []
  readonly #most: number

  constructor(most = Infinity) {
    this.#most = most
  }

  send(
    _topic: string,
    _key: Buffer,
    records: readonly BusRecord[],
  ): Promise<{ partition: number; baseOffset: bigint }> {
    if (records.some(({ value }) => value.length > this.#most)) {
      return Promise.reject(new BusError('BUS_RECORD_TOO_LARGE', 'too large'))
    }
    this.records.push(...records)
    return Promise.resolve({ partition: 0, baseOffset: 0n })
  }
}

async function aLog(t: TestContext): Promise<LogWriter> {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const log = await openWriter(options)
  t.after(() => log[Symbol.asyncDispose]())
  return log
}

async function publish(
  log: LogWriter,
  producer: BusProducer,
  recent: RecentEntries | null,
): Promise<number> {
  // From the beginning, whatever was published before.
  await log.storage.sealed.write(0)
  const publisher = await SealedPublisher.open({
    log: log.storage,
    producer,
    topic: 'ledger.sealed',
    logger: createLogger('silent'),
    recent,
  })
  await publisher.publishTo(log.durableSize, new AbortController().signal)
  return publisher.position
}

test('what was written a moment ago is published as what is read from the store', async (t) => {
  const log = await aLog(t)
  await commitEvents(log, 30)
  await commitEvents(log, 300)
  const stored = new KeptProducer()
  assert.equal(await publish(log, stored, null), 331)
  const recent = new KeptProducer()
  assert.equal(await publish(log, recent, log.recent), 331)
  const inOrder = (records: readonly BusRecord[]): unknown =>
    records
      .map(({ value, headers }) => ({ value, ...headers }))
      .sort((one, other) => (String(one.value) < String(other.value) ? -1 : 1))
  assert.equal(stored.records.length, 330)
  assert.equal(recent.records.length, 330)
  assert.deepEqual(inOrder(recent.records), inOrder(stored.records))

  log.recent.clear()
  assert.equal(log.recent.read(1, 10), null)
})

test('of what was written only the last is kept, up to a bound', async (t) => {
  const log = await aLog(t)
  const recent = new RecentEntries(6_000)
  t.mock.method(log.recent, 'add', (...written: Parameters<RecentEntries['add']>) => {
    recent.add(...written)
  })
  for (let batch = 0; batch < 5; batch++) await commitEvents(log, 50)
  assert.equal(recent.read(1, 251), null)
  const last = recent.read(201, 251)
  assert.deepEqual([last?.entries.length, last?.end], [50, 251])
  assert.equal(recent.read(251, 300), null)
})

test('what was read before is not kept any longer', async (t) => {
  const log = await aLog(t)
  for (let batch = 0; batch < 3; batch++) await commitEvents(log, 50)
  assert.equal(log.recent.read(1, 151)?.end, 51)
  assert.equal(log.recent.read(1, 151)?.end, 51, 'as often as it takes to send it')
  assert.equal(log.recent.read(51, 151)?.end, 101)
  assert.equal(log.recent.read(1, 151), null)
  assert.equal(log.recent.read(101, 151)?.end, 151)
})

test('an entry that the bus refuses as too large stays in the ledger, and the others are published', async (t) => {
  const log = await aLog(t)
  // The values say their positions: those from 100 on have a digit more.
  await commitEvents(log, 120)
  const producer = new KeptProducer('payload of 99'.length)
  assert.equal(await publish(log, producer, log.recent), 121)
  const positions = producer.records.map(({ headers }) =>
    Number(headers[sealedHeaders.position]?.toString()),
  )
  assert.deepEqual(
    positions.sort((one, other) => one - other),
    Array.from({ length: 99 }, (_, at) => at + 1),
  )
})
