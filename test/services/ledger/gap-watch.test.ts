import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { EventContext, GapPart } from '../../../schemas/event.ts'
import type {
  EventDraft,
  RecordOutcome,
  RecordScope,
} from '../../../services/edge/capture/recorder.ts'
import { partitionOf } from '../../../services/bus/partitioner.ts'
import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import { anEvent, encoded } from '../../support/an-event.ts'
import {
  ChainOfEvents,
  aBus,
  aDirectory,
  ledgerOptions,
  send,
  until,
} from '../../support/a-ledger.ts'

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
