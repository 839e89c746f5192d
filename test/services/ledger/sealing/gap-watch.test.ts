import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { EventContext, GapPart } from '../../../../schemas/event.ts'
import type {
  EventDraft,
  RecordOutcome,
  RecordScope,
} from '../../../../services/edge/capture/recorder.ts'
import { partitionOf } from '../../../../services/bus/partitioner.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import { topics } from '../../../../services/bus/topics.ts'
import { initLedger, openLedger } from '../../../../services/ledger/adapters/files/open.ts'
import { anEvent, encoded } from '../../../support/an-event.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, send } from '../../../support/a-ledger.ts'
import { until } from '../../../support/until.ts'

/** Keeps what is recorded; refuses the first as a full spool does. */
class KeptScope implements RecordScope {
  readonly gaps: GapPart[] = []
  readonly context: EventContext = anEvent()
  #refusals: number

  constructor(refusals: number) {
    this.#refusals = refusals
  }

  record(draft: EventDraft): RecordOutcome {
    if (this.#refusals-- > 0) return { ok: false, reason: 'spool_full' }
    assert.equal(draft.type, 'gap.detected')
    if (draft.gap) this.gaps.push(draft.gap)
    return { ok: true, producerSeq: this.gaps.length }
  }
}

test('an event that never reaches the ledger is recorded as a gap, once, also over restarts', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { gapGraceMs: 0 })
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  const values = Array.from({ length: 9 }, () => chain.next().value)
  const expected = { producer: 'edge-1', from_seq: 4, to_seq: 5, reason: 'missing', records: null }
  const run = async (entries: number, scope: KeptScope, isDone: () => boolean): Promise<void> => {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal, scope)
    await until(() => isDone() && ledger.durableEntries === entries)
    stop.abort()
    await running
  }

  await send(bus, 'edge-1', [...values.slice(0, 4), ...values.slice(6)])
  const first = new KeptScope(1)
  await run(8, first, () => first.gaps.length > 0)
  assert.deepEqual(first.gaps, [expected])

  // What was recorded is sealed like any event; the next start knows it.
  const gap = anEvent({ type: 'gap.detected', producer: 'ledger', gap: expected })
  await send(bus, 'ledger', [encoded(gap)])
  const second = new KeptScope(0)
  await run(9, second, () => true)
  const third = new KeptScope(0)
  await run(9, third, () => true)
  assert.deepEqual(third.gaps, [])
})

test('a restart finds no gap where one log is longer than what is read again, and another is not', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { partitions: 2, gapGraceMs: 0 })
  await initLedger(options)
  await using bus = await aBus(directory, 2)
  const chain = new ChainOfEvents()
  const [seldom = '', often = ''] = [0, 1].map((part) => sessionOf(part))
  const few: Buffer[] = []
  const many: Buffer[] = []
  const events = 12_000
  for (let seq = 0; seq < events; seq++) {
    const isFew = seq % 4 === 0
    const { value } = chain.next({ session_id: isFew ? seldom : often })
    if (isFew) few.push(value)
    else many.push(value)
  }
  await send(bus, seldom, few)
  await send(bus, often, many)
  for (const start of ['first', 'second']) {
    const scope = new KeptScope(0)
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal, start === 'first' ? null : scope)
    // Each log has a genesis besides.
    await until(() => ledger.durableEntries === events + 2)
    if (start === 'second') await pause(3_500)
    stop.abort()
    await running
    assert.deepEqual(scope.gaps, [])
  }
})

/** A session whose events go to this one of two partitions. */
function sessionOf(part: number): string {
  let number = 0
  while (partitionOf(Buffer.from(`session-${number}`), 2) !== part) number += 1
  return `session-${number}`
}
test('what is no event is told once, as one finding that spans the records, also over restarts', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  await using bus = await aBus(directory)
  const run = async (entries: number, scope: KeptScope, gaps: number): Promise<void> => {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal, scope)
    await until(() => scope.gaps.length >= gaps && ledger.durableEntries === entries)
    stop.abort()
    await running
  }
  const bad = ['one', 'two', 'three'].map((text) => Buffer.from(text))
  await send(bus, 'edge-1', [bad[0]!, new ChainOfEvents().next().value, bad[1]!, bad[2]!])
  const first = new KeptScope(1)
  await run(5, first, 1)
  const [gap] = first.gaps
  assert.ok(gap?.records)
  const { log, ...records } = gap.records
  assert.match(log, /\/p00\//)
  assert.deepEqual([gap.producer, gap.reason], ['audit.events/0', 'no_frame'])
  assert.deepEqual(records, {
    topic: 'audit.events',
    partition: 0,
    from_offset: 0,
    to_offset: 3,
    count: 3,
    position: 1,
  })

  // It was not sealed before the process ended: the next one finds the records again.
  const second = new KeptScope(0)
  await run(5, second, 1)
  assert.deepEqual(second.gaps, first.gaps)
  await send(bus, 'ledger', [encoded(anEvent({ type: 'gap.detected', producer: 'ledger', gap }))])
  const third = new KeptScope(0)
  await run(6, third, 0)
  const fourth = new KeptScope(0)
  await run(6, fourth, 0)
  assert.deepEqual(fourth.gaps, [])
})

test('what the bus deleted before it was sealed is told with its range', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  let nowMs = 1_000_000
  await using bus = await openEmbeddedBus({
    file: join(directory, 'short.sqlite'),
    topics: [
      { name: topics.auditEvents, partitions: 1, retentionMs: 1_000 },
      { name: topics.ledgerSealed, partitions: 1 },
    ],
    clock: () => nowMs,
    retentionEveryMs: 10,
  })
  const chain = new ChainOfEvents()
  const run = async (entries: number, scope: KeptScope): Promise<void> => {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal, scope)
    await until(() => ledger.durableEntries === entries)
    stop.abort()
    await running
  }
  await send(bus, 'edge-1', [chain.next().value])
  await run(2, new KeptScope(0))
  for (let event = 0; event < 200; event++) await send(bus, 'edge-1', [chain.next().value])
  nowMs += 5_000
  await until(async () => (await bus.watermarks(topics.auditEvents, 0)).low === 201n)
  await send(bus, 'edge-1', [chain.next().value])
  const scope = new KeptScope(0)
  await run(4, scope)
  assert.deepEqual(
    scope.gaps.map(({ reason, from_seq, to_seq, producer }) => [
      reason,
      from_seq,
      to_seq,
      producer,
    ]),
    [['below_low_watermark', 1, 200, 'audit.events/0']],
  )
  assert.equal(scope.gaps[0]?.records?.count, 200)
})

test('an edge that goes on from an older copy of its spool is told of in few gaps, once, also over restarts', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory, { gapGraceMs: 0 })
  await initLedger(options)
  await using bus = await aBus(directory)
  const chain = new ChainOfEvents()
  const values = Array.from({ length: 6000 }, () => chain.next().value)
  const copy = new ChainOfEvents()
  for (let seq = 0; seq < 1000; seq++) copy.next()
  const anew = Array.from({ length: 500 }, () => copy.next().value)
  const run = async (entries: number, scope: KeptScope): Promise<void> => {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal, scope)
    await until(() => ledger.durableEntries === entries)
    stop.abort()
    await running
  }
  await send(bus, 'edge-1', values)
  const before = new KeptScope(0)
  await run(6001, before)
  assert.deepEqual(before.gaps, [])

  await send(bus, 'edge-1', anew)
  const first = new KeptScope(0)
  await run(6501, first)
  assert.ok(first.gaps.length >= 1 && first.gaps.length < 50, String(first.gaps.length))
  for (const { reason } of first.gaps) assert.equal(reason, 'number_used_twice')
  assert.equal(first.gaps[0]?.from_seq, 1000)
  assert.equal(first.gaps.at(-1)?.to_seq, 1499)

  const told = first.gaps.map((gap) =>
    encoded(anEvent({ type: 'gap.detected', producer: 'ledger', gap })),
  )
  await send(bus, 'ledger', told)
  const second = new KeptScope(0)
  await run(6501 + told.length, second)
  const third = new KeptScope(0)
  await run(6501 + told.length, third)
  assert.deepEqual(third.gaps, [])
})
