import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { EventContext, GapPart } from '../../../schemas/event.ts'
import type {
  EventDraft,
  RecordOutcome,
  RecordScope,
} from '../../../services/edge/capture/recorder.ts'
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
