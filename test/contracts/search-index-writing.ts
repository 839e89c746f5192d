import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { documentOf } from '../../services/indexer/documents.ts'
import { IndexError } from '../../services/indexer/search-index.ts'
import { ALog, aWorkingDay } from '../support/a-log.ts'
import { aCompletion, aRequest, aResponse } from '../support/an-event.ts'
import { applyRecords, everything, found, hits, openWith } from './search-index-probe.ts'
import type { SearchIndexFixture } from './search-index-probe.ts'

const ids = ['session-1', 'session-2']

export function searchIndexWritingContract(name: string, fixture: SearchIndexFixture): void {
  test(`${name}: progress and offset are kept with the documents, and never go back`, async (t) => {
    const { index, restart } = await fixture.open(t)
    const log = aWorkingDay(new ALog())
    assert.equal(await index.offset('sealed', 3), null)
    assert.deepEqual(await index.progress(), [])

    const offset = { topic: 'sealed', partition: 3, next: 2n ** 60n }
    await applyRecords(index, log.records, offset)
    await applyRecords(index, log.records.slice(0, 2), { ...offset, next: 5n })

    const again = await restart()
    assert.equal(await again.index.offset('sealed', 3), 2n ** 60n)
    assert.equal(await again.index.offset('sealed', 2), null)
    const progress = [{ log: log.origin, indexed: log.records.length + 1 }]
    assert.deepEqual(await again.index.progress(), progress)
    assert.deepEqual(await again.query.progress(), progress)
    assert.equal((await hits(again.query, {})).length, 8)
  })

  test(`${name}: repeats of a position, and copies of the same bytes, change nothing`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index, query, refresh } = await openWith(t, fixture, log.records)
    const before = await everything(query, ids)

    await applyRecords(index, log.records)
    for (const record of log.records) await applyRecords(index, [record])
    await refresh()
    assert.deepEqual(await everything(query, ids), before)

    const copies = log.records.map((record) => log.sealBytes(record.value))
    await applyRecords(index, copies)
    await refresh()
    const { progress, ...rest } = (await everything(query, ids)) as Record<string, unknown>
    assert.deepEqual(progress, [{ log: log.origin, indexed: log.records.length + 1 }])
    assert.deepEqual({ ...before, progress: null }, { ...rest, progress: null })
  })

  test(`${name}: the answers do not depend on the order in which documents come`, async (t) => {
    const { records } = aWorkingDay(new ALog())
    const { query } = await openWith(t, fixture, records)
    const expected = await everything(query, ids)

    const { index, query: other, refresh } = await fixture.open(t)
    const order = fc.shuffledSubarray(records, { minLength: records.length })
    await fc.assert(
      fc.asyncProperty(order, fc.integer({ min: 1, max: 4 }), async (shuffled, size) => {
        await index.reset()
        for (let from = 0; from < shuffled.length; from += size) {
          await applyRecords(index, shuffled.slice(from, from + size))
        }
        await refresh()
        assert.deepEqual(await everything(other, ids), expected)
      }),
      { numRuns: 8 },
    )
  })

  test(`${name}: a completion that comes first is found by itself until its request is there`, async (t) => {
    const { index, query, refresh } = await fixture.open(t)
    const log = new ALog()
    const session = log.startSession('session-1')
    const id = session.ask('SELECT 1')
    session.complete(id, { outcome: 'error', error_message: 'canceling statement' })
    const [started, received, completed] = log.records
    assert.ok(started && received && completed)

    await applyRecords(index, [completed])
    await refresh()
    assert.deepEqual(await found(query, { text: 'canceling' }), ['request.completed'])

    await applyRecords(index, [received, started])
    await refresh()
    assert.deepEqual(await found(query, { text: 'canceling' }), ['SELECT 1'])
    assert.deepEqual(await found(query, { text: 'canceling', outcome: 'ok' }), [])
  })

  test(`${name}: a known outcome counts over an unknown one, a later decision over an earlier`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    const id = session.ask('DELETE FROM orders', {}, { outcome: 'hold' })
    session.complete(id, { outcome: 'unknown', rows: 0 })
    session.event({
      type: 'request.decided',
      request_id: id,
      decision: { decision_id: 'd-2', outcome: 'allow', rule_ids: ['approved'], reason: null },
    })
    session.event({
      type: 'request.completed',
      request_id: id,
      completion: aCompletion({ rows: 7 }),
    })
    const { query } = await openWith(t, fixture, log.records)

    const [hit] = await hits(query, { decision: 'allow', outcome: 'ok' })
    assert.equal(hit?.rows, 7)
    assert.deepEqual(hit.ruleIds, ['approved'])
    assert.equal(hit.decision, 'allow')
    assert.deepEqual(await found(query, { decision: 'hold' }), ['DELETE FROM orders'])
    assert.deepEqual(await found(query, { outcome: 'unknown' }), [])
  })

  test(`${name}: no producer can speak for another one's statement`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    const id = session.ask('SELECT 1')
    const completion = aCompletion({ outcome: 'error' })
    session.event({
      type: 'request.completed',
      request_id: id,
      completion,
      producer: 'edge-2',
    })
    const { query } = await openWith(t, fixture, log.records)

    const [hit] = await hits(query, { kind: 'select' })
    assert.equal(hit?.outcome, null)
  })

  test(`${name}: recorded results are named in the order of their chunks`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    const id = session.ask('SELECT 1')
    const chunks = [2, 0, 1].map((chunk) =>
      session.event({ type: 'response.recorded', request_id: id, response: aResponse({ chunk }) }),
    )
    const { query } = await openWith(t, fixture, log.records)

    const [statement] = (await query.statements('session-1')).statements
    const [third, first, second] = chunks.map(({ position }) => position)
    assert.deepEqual(statement?.responsePositions, [first, second, third])
    assert.deepEqual(await found(query, {}), ['SELECT 1', 'session.started'])
  })

  test(`${name}: bytes that are no event are found as quarantined, beside what came before`, async (t) => {
    const log = aWorkingDay(new ALog())
    const last = log.records.at(-1)
    const bad = log.sealBytes(Buffer.from('not an event'))
    const { query } = await openWith(t, fixture, log.records)

    const [hit] = await hits(query, { kind: 'quarantined' })
    assert.equal(hit?.position, bad.position)
    assert.equal(hit.eventId, '')
    const [before] = await hits(query, { kind: 'edge.heartbeat' })
    assert.equal(before?.position, last?.position)
    assert.equal(hit.occurredAtMs, before?.occurredAtMs)
  })

  test(`${name}: events of wild times and lengths are taken and found`, async (t) => {
    const log = new ALog()
    const far = [0, -1, 2 ** 52, 2 ** 52 + 1, -(2 ** 52) - 1]
    for (const occurred_at of far) log.seal({ type: 'edge.started', occurred_at })
    const statement = Buffer.concat([Buffer.from([0xff, 0, 0x27]), Buffer.alloc(300_000, 'word ')])
    log.seal({ type: 'request.received', request_id: 'r', request: aRequest(statement) })
    const { query } = await openWith(t, fixture, log.records)

    assert.equal((await hits(query, { kind: 'edge.started' })).length, far.length)
    assert.equal((await hits(query, { text: 'word' })).length, 1)
  })

  test(`${name}: a reset index is empty and takes documents again`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index, query, refresh } = await fixture.open(t)
    await applyRecords(index, log.records, { topic: 'sealed', partition: 0, next: 9n })
    await refresh()
    const before = await everything(query, ids)

    await index.reset()
    await refresh()
    assert.deepEqual(await found(query, {}), [])
    assert.deepEqual(await query.activity({}), [])
    assert.deepEqual(await index.progress(), [])
    assert.equal(await index.offset('sealed', 0), null)

    await applyRecords(index, log.records)
    await refresh()
    assert.deepEqual(await everything(query, ids), before)
  })

  test(`${name}: a rebuilt index takes the old one's place at once, with its offsets`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index, query, refresh, restart } = await fixture.open(t)
    const offset = { topic: 'sealed', partition: 0, next: 9n }
    await applyRecords(index, log.records.slice(0, 3), offset)
    await refresh()
    const before = await everything(query, ids)

    const fresh = await index.beginRebuild()
    await assert.rejects(index.beginRebuild(), withIndexCode('INDEX_REBUILDING'))
    await applyRecords(fresh, log.records.slice(0, 5))
    await refresh()
    assert.deepEqual(await everything(query, ids), before)

    await applyRecords(index, log.records.slice(3, 6), { ...offset, next: 12n })
    await fresh.swap(async (old) => {
      assert.deepEqual(old, [{ log: log.origin, indexed: 7 }])
      await applyRecords(fresh, log.records)
    })
    await refresh()
    assert.equal((await hits(query, {})).length, 8)
    assert.equal(await index.offset('sealed', 0), 12n)

    const again = await restart()
    assert.equal((await hits(again.query, {})).length, 8)
    assert.equal(await again.index.offset('sealed', 0), 12n)
  })

  test(`${name}: a rebuild that fails or is given up leaves the index as it is`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index, query, refresh } = await openWith(t, fixture, log.records)
    const before = await everything(query, ids)
    {
      await using fresh = await index.beginRebuild()
      await assert.rejects(
        fresh.swap(() => Promise.reject(new Error('no ledger'))),
        /no ledger/,
      )
    }
    {
      await using fresh = await index.beginRebuild()
      await applyRecords(fresh, log.records.slice(0, 1))
    }
    await applyRecords(index, log.records)
    await refresh()
    assert.deepEqual(await everything(query, ids), before)
  })

  test(`${name}: it says which positions are not in it`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index } = await fixture.open(t)
    const end = log.records.length + 1
    assert.deepEqual(await index.missing(log.origin, 0, end), [{ from: 0, to: end }])

    await applyRecords(
      index,
      log.records.filter(({ position }) => ![1, 4, 5, 9].includes(position)),
    )
    assert.deepEqual(await index.missing(log.origin, 0, end), [
      { from: 0, to: 2 },
      { from: 4, to: 6 },
      { from: 9, to: 10 },
    ])
    assert.deepEqual(await index.missing(log.origin, 2, 5), [{ from: 4, to: 5 }])
    assert.deepEqual(await index.missing('another log', 3, 4), [{ from: 3, to: 4 }])

    // A copy of the same bytes is not missing, though no answer shows it.
    const copy = log.sealBytes(log.records[1]?.value ?? Buffer.alloc(0))
    await applyRecords(index, [...log.records, copy])
    assert.deepEqual(await index.missing(log.origin, 0, end + 1), [{ from: 0, to: 1 }])
  })

  test(`${name}: a call whose signal has aborted takes nothing`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { index } = await fixture.open(t)
    const reason = new Error('stopped')
    const signal = AbortSignal.abort(reason)
    const progress = { logs: [{ log: log.origin, indexed: 3 }] }
    await assert.rejects(index.apply(log.records.map(documentOf), progress, signal), reason)
    assert.deepEqual(await index.progress(), [])
  })
}

function withIndexCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof IndexError && error.code === code
}
