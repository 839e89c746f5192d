import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { DecisionOutcome } from '../../schemas/event.ts'
import type { SearchFilter, Statement } from '../../services/indexer/query.ts'
import { ALog, aWorkingDay, firstMs } from '../support/a-log.ts'
import { aDecision } from '../support/an-event.ts'
import { applyRecords, openWith } from './search-index-probe.ts'
import type { SearchIndexFixture } from './search-index-probe.ts'

export function searchIndexSessionsContract(name: string, fixture: SearchIndexFixture): void {
  test(`${name}: a session is summed up from its events`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { query } = await openWith(t, fixture, log.records)

    const first = await query.session('session-1')
    assert.ok(first)
    assert.deepEqual(first.actor.on_behalf_of[0]?.display, 'Olivia')
    assert.deepEqual(
      { ...first, actor: null },
      {
        sessionId: 'session-1',
        producer: 'edge-1',
        protocol: 'postgres',
        actor: null,
        target: 'shop-db',
        database: 'shop',
        sourceAddress: '10.0.0.9',
        startedAtMs: firstMs,
        endedAtMs: firstMs + 5_000,
        outcome: 'closed',
        statements: 2,
        held: 0,
        blocked: 1,
        errors: 0,
        rows: 12,
        log: log.origin,
        position: 1,
      },
    )
    const second = await query.session('session-2')
    assert.deepEqual([second?.endedAtMs, second?.outcome, second?.errors], [null, null, 1])
    assert.equal(await query.session('session-3'), null)
  })

  test(`${name}: what a session had held is counted, whatever became of it and in whatever order that is told`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    const held = (): string => session.ask('DELETE FROM orders', {}, { outcome: 'hold' })
    const decided = (request_id: string, outcome: DecisionOutcome): void => {
      session.event({ type: 'request.decided', request_id, decision: aDecision({ outcome }) })
    }
    const ran = held()
    const denied = held()
    held()
    session.complete(session.ask('SELECT 1'), { rows: 1 })
    session.ask('DROP TABLE orders', {}, { outcome: 'block' })
    decided(ran, 'allow')
    session.complete(ran, { rows: 7 })
    decided(denied, 'block')
    session.complete(denied, { outcome: 'refused', rows: 0 })
    const { index, query, refresh } = await openWith(t, fixture, [])
    const counts = async (): Promise<object> => {
      await refresh()
      const summary = await query.session('session-1')
      assert.deepEqual((await query.sessions({})).sessions, [summary])
      return [summary?.statements, summary?.held, summary?.blocked, summary?.rows]
    }

    // The start, and what became of the statements before the statements themselves.
    await applyRecords(index, [...log.records.slice(0, 1), ...log.records.slice(7)])
    assert.deepEqual(await counts(), [0, 0, 0, 0])
    await applyRecords(index, log.records.slice(1, 3))
    assert.deepEqual(await counts(), [2, 2, 1, 7])
    await applyRecords(index, log.records)
    assert.deepEqual(await counts(), [5, 3, 2, 8])
    const found = await query.search({ decision: 'hold', session: 'session-1' })
    assert.equal(found.hits.length, 3)
  })

  test(`${name}: sessions are listed newest first, those with an event that fits`, async (t) => {
    const { query } = await openWith(t, fixture, aWorkingDay(new ALog()).records)
    const listed = async (filter: SearchFilter): Promise<readonly string[]> =>
      (await query.sessions(filter)).sessions.map(({ sessionId }) => sessionId)

    assert.deepEqual(await listed({}), ['session-2', 'session-1'])
    assert.deepEqual(await listed({ decision: 'block' }), ['session-1'])
    assert.deepEqual(await listed({ text: 'constraint' }), ['session-2'])
    assert.deepEqual(await listed({ actor: 'olivia' }), ['session-1'])
    assert.deepEqual(await listed({ kind: 'select' }), ['session-2', 'session-1'])
    assert.deepEqual(await listed({ to: firstMs + 1 }), ['session-1'])
    assert.deepEqual(await listed({ relation: 'nothing' }), [])

    const page = await query.sessions({}, { limit: 1 })
    assert.ok(page.next)
    const rest = await query.sessions({}, { limit: 1, after: page.next })
    assert.deepEqual([rest.sessions[0]?.sessionId, rest.next], ['session-1', null])
  })

  test(`${name}: the statements of a session come in the producer's order, with what became of them`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    const asked = Array.from({ length: 7 }, (_, at) => session.ask(`SELECT ${at}`))
    for (const id of asked.slice(1).reverse()) session.complete(id, { rows: 3 })
    const masking = session.ask('SELECT email FROM customers', {}, { outcome: 'mask' })
    session.complete(masking, {
      rows: 2,
      masked: [{ data_class: 'email', count: 2 }],
      token_key_id: '5ff61c02ab34d917',
    })
    const { query } = await openWith(t, fixture, log.records)

    const statements: Statement[] = []
    let after: string | null = null
    do {
      const page = await query.statements('session-1', {
        limit: 3,
        ...(after === null ? {} : { after }),
      })
      statements.push(...page.statements)
      after = page.next
    } while (after !== null)
    assert.deepEqual(
      statements.map((each) => [each.requestId, each.position, each.completedPosition, each.rows]),
      [
        ...asked.map((id, at) => (at === 0 ? [id, 2, null, null] : [id, at + 2, 15 - at, 3])),
        [masking, 15, 16, 2],
      ],
    )
    const email = [{ dataClass: 'email', count: 2 }]
    assert.deepEqual(
      [0, 1, 7].map((at) => statements[at]?.masked),
      [null, [], email],
    )
    const [found] = (await query.search({ decision: 'mask' })).hits
    assert.deepEqual(found?.masked, email)
    assert.deepEqual(
      [0, 1, 7].map((at) => statements[at]?.tokenKeyId),
      [null, null, '5ff61c02ab34d917'],
    )
    const ofKey = await query.search({ text: '5ff61c02ab34d917' })
    assert.deepEqual(
      ofKey.hits.map(({ requestId, tokenKeyId }) => [requestId, tokenKeyId]),
      [[masking, '5ff61c02ab34d917']],
    )
    assert.equal(statements[0]?.outcome, null)
    const tags = statements.map(({ commandTag }) => commandTag)
    assert.deepEqual(new Set(tags), new Set([null, 'SELECT 1']))
    assert.equal(tags[0], null)
    assert.deepEqual(await query.statements('session-9'), { statements: [], next: null })
  })

  test(`${name}: activity counts the statements of each hour`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { query } = await openWith(t, fixture, log.records)
    const short = async (filter: SearchFilter): Promise<readonly string[]> =>
      (await query.activity(filter)).map(
        (bucket) =>
          `${bucket.target} ${bucket.actor} ${bucket.operation} ${bucket.decision} ${bucket.outcome} ${bucket.count} ${bucket.rows}`,
      )

    assert.deepEqual(await short({}), [
      'shop-db Ledger Agent drop block refused 1 0',
      'shop-db Ledger Agent select allow ok 1 12',
      'warehouse Bob Smith select allow  1 0',
      'warehouse Bob Smith update allow error 1 0',
    ])
    assert.equal((await short({ actor: 'OLIVIA' })).length, 2)
    assert.equal((await short({ target: 'Warehouse' })).length, 2)
    assert.equal((await short({ from: firstMs + 1_000, to: firstMs + 2_000 })).length, 4)
    assert.deepEqual(await short({ from: firstMs + 3_600_000 }), [])
    assert.deepEqual(await short({ to: firstMs }), [])
  })
}
