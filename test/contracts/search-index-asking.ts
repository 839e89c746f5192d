import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Hit, SearchFilter } from '../../services/indexer/query.ts'
import { QueryError } from '../../services/indexer/query.ts'
import { ALog, aWorkingDay, firstMs } from '../support/a-log.ts'
import { aDecision, anActor, anApproval } from '../support/an-event.ts'
import { applyRecords, found, hits, openWith, withCode } from './search-index-probe.ts'
import type { SearchIndexFixture } from './search-index-probe.ts'

const salaries = 'SELECT name, salary FROM public.salaries WHERE year = 2026'
const drop = 'DROP TABLE public.customers'
const update = 'UPDATE stock SET amount = amount - 1'
const sleep = 'SELECT pg_sleep(60)'

export function searchIndexAskingContract(name: string, fixture: SearchIndexFixture): void {
  const cases: readonly (readonly [SearchFilter, readonly string[]])[] = [
    [{ text: 'salaries' }, [salaries]],
    [{ text: 'public.salaries' }, [salaries]],
    [{ text: 'SALARY name' }, [salaries]],
    [{ text: 'salary customers' }, []],
    [{ text: '"name, salary"' }, [salaries]],
    [{ text: '"salary name"' }, []],
    [{ text: 'salar*' }, [salaries]],
    [{ text: 'salar' }, []],
    [{ text: '"drop tab"*' }, [drop]],
    [{ text: '"drop table' }, [drop]],
    [{ text: 'check constraint' }, [update]],
    [{ text: 'olivia drop' }, [drop]],
    [{ text: 'warehouse pg_sleep' }, [sleep]],
    [{ text: "drop'; --" }, [drop]],
    [{ text: 'edge-1', kind: 'edge.heartbeat' }, ['edge.heartbeat']],
    [{ actor: 'agent-7', kind: 'drop' }, [drop]],
    [{ actor: 'OLIVIA', kind: 'Drop' }, [drop]],
    [{ actor: 'u-1001', kind: 'session.ended' }, ['session.ended']],
    [{ actor: 'bob smith', kind: 'request.received' }, [sleep, update]],
    [{ actor: 'bob' }, []],
    [{ target: 'warehouse', kind: 'select' }, [sleep]],
    [{ decision: 'block' }, [drop]],
    [{ outcome: 'refused' }, [drop]],
    [{ outcome: 'ok' }, [salaries]],
    [{ outcome: 'error' }, [update]],
    [{ relation: 'salaries' }, [salaries]],
    [{ relation: 'public.salaries' }, [salaries]],
    [{ relation: 'alaries' }, []],
    [{ relation: 'public.stock', decision: 'allow' }, [update]],
    [{ session: 'session-2' }, [sleep, update, 'session.started']],
    [{ kind: 'Request.Completed', outcome: 'error' }, ['request.completed']],
    [{ kind: 'session.started', target: ' ' }, ['session.started', 'session.started']],
    [{ from: firstMs + 8_000 }, ['edge.heartbeat', sleep]],
    [{ from: firstMs, to: firstMs + 1_000 }, ['session.started']],
    [{ from: firstMs + 1, to: firstMs + 1_000 }, []],
    [{ text: 'select', to: firstMs + 5_000 }, [salaries]],
  ]

  test(`${name}: each condition finds what fits it, newest first, and all must hold`, async (t) => {
    const { query } = await openWith(t, fixture, aWorkingDay(new ALog()).records)
    for (const [filter, expected] of cases) {
      assert.deepEqual(await found(query, filter), expected, JSON.stringify(filter))
    }
  })

  test(`${name}: what somebody approved or denied is found by either name of his`, async (t) => {
    const log = new ALog()
    const nia = { kind: 'human', subject: 'u-7', issuer: 'https://i', display: 'Nia' } as const
    const asked = anApproval()
    const answer = { decision_id: 'd-1', reason: 'twice', roles: ['approvers'], missing: 0 }
    log.seal({ type: 'approval.requested', session_id: 's-1', approval: asked })
    log.seal({
      type: 'approval.granted',
      session_id: 's-1',
      actor: anActor({ ...nia, on_behalf_of: [] }),
      approval: { ...asked, answer },
    })
    log.seal({ type: 'approval.used', session_id: 's-1', approval: { ...asked, approvers: [nia] } })
    const { query } = await openWith(t, fixture, log.records)

    for (const approver of ['nia', 'U-7']) {
      const told = await hits(query, { approver })
      assert.deepEqual(
        told.map(({ type, remark }) => [type, remark]),
        [
          ['approval.used', 'runs with the approval of Nia (approval approval-1)'],
          ['approval.granted', 'approved: twice (approval approval-1)'],
        ],
      )
    }
    assert.deepEqual(await found(query, { approver: 'olivia' }), [])
    const [held] = await hits(query, { kind: 'approval.requested', text: 'deletes-need-two' })
    assert.equal(
      held?.remark,
      'held by deletes-need-two (needs 1 × approvers), approval approval-1',
    )
  })

  test(`${name}: what was held is found as held, also when it was approved and ran`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    session.ask('DELETE FROM waits', {}, { outcome: 'hold' })
    const request_id = session.ask('DELETE FROM ran', {}, { outcome: 'hold' })
    const reason = 'approved by Nia (approval-1)'
    session.event({ type: 'request.decided', request_id, decision: aDecision({ reason }) })
    session.complete(request_id)
    const { query } = await openWith(t, fixture, log.records)
    assert.deepEqual(await found(query, { decision: 'hold' }), [
      'DELETE FROM ran',
      'DELETE FROM waits',
    ])
    assert.deepEqual(await found(query, { decision: 'allow' }), ['DELETE FROM ran'])
    const told = await hits(query, { decision: 'hold' })
    assert.deepEqual(
      told.map(({ decision, decidedFirst, remark }) => [decision, decidedFirst?.decision, remark]),
      [
        ['allow', 'hold', 'was held; approved by Nia (approval-1)'],
        ['hold', 'hold', null],
      ],
    )
  })

  test(`${name}: what was refused is found by the id of the decision that the client was told`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    session.ask('DROP TABLE a', {}, { outcome: 'block', decision_id: '01a22a73-12db.28.1' })
    session.ask('DELETE FROM b', {}, { outcome: 'hold', decision_id: '01a22a73-12db.28.2' })
    session.ask('DROP TABLE c', {}, { outcome: 'block', decision_id: '01a22a73-12db.28.11' })
    const { query } = await openWith(t, fixture, log.records)
    assert.deepEqual(await found(query, { text: '01a22a73-12db.28.1' }), ['DROP TABLE a'])
    assert.deepEqual(await found(query, { text: '01a22a73-12db.28.2' }), ['DELETE FROM b'])
  })

  test(`${name}: a phrase is found in who acts where, and in who approved what, not across`, async (t) => {
    const log = new ALog()
    const person = { kind: 'human', issuer: 'https://i', display: null } as const
    const actor = anActor({ ...person, subject: 'nora', on_behalf_of: [] })
    const session = log.startSession('session-1', { actor })
    const approval = anApproval({ approvers: [{ ...person, subject: 'mia' }] })
    session.event({ type: 'approval.used', request_id: 'r-1', approval })
    const { query } = await openWith(t, fixture, log.records)
    const asked = async (text: string): Promise<number> =>
      (await hits(query, { kind: 'approval.used', text })).length
    assert.equal(await asked('nora mia shop-db'), 1)
    assert.equal(await asked('"nora shop-db"'), 1)
    assert.equal(await asked('"mia approval-1"'), 1)
    assert.equal(await asked('"mia shop-db"'), 0)
    assert.equal(await asked('"nora mia"'), 0)
  })

  test(`${name}: a hit says what happened and where its entry stands`, async (t) => {
    const log = aWorkingDay(new ALog())
    const { query } = await openWith(t, fixture, log.records)

    const [hit] = await hits(query, { decision: 'block' })
    assert.ok(hit)
    const { eventId, ...rest } = hit
    assert.match(eventId, /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      log: log.origin,
      position: 4,
      type: 'request.received',
      occurredAtMs: firstMs + 3_000,
      sessionId: 'session-1',
      requestId: 'session-1-1',
      actor: 'Ledger Agent',
      actorKind: 'agent',
      onBehalfOf: ['Olivia'],
      target: 'shop-db',
      operation: 'drop',
      statement: drop,
      decision: 'block',
      ruleIds: ['no-ddl'],
      decidedFirst: { decision: 'block', ruleIds: ['no-ddl'] },
      outcome: 'refused',
      transaction: null,
      rows: 0,
      durationUs: 1_500,
      errorCode: '42501',
      masked: [],
      tokenKeyId: null,
      remark: null,
    })
  })

  test(`${name}: no text is a syntax error`, async (t) => {
    const { query } = await openWith(t, fixture, aWorkingDay(new ALog()).records)
    const pieces = fc.constantFrom(
      '"',
      '*',
      '(',
      ')',
      '^',
      '-',
      ':',
      '+',
      '\\',
      "'",
      '\0',
      '\ud800',
      '{',
      '}',
      ' ',
      'AND',
      'OR ',
      ' NOT ',
      'NEAR(',
      'facets:',
      'select',
      'sal*',
      '\u0301',
      '全部',
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    )
    await fc.assert(
      fc.asyncProperty(texts, texts, async (text, actor) => {
        for (const filter of [{ text }, { actor, relation: text }]) {
          try {
            await query.search(filter)
            await query.sessions(filter)
          } catch (error) {
            assert.ok(error instanceof QueryError, String(error))
            assert.equal(error.code, 'QUERY_TEXT_EMPTY')
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test(`${name}: pages follow one another without gap or repeat while documents come in`, async (t) => {
    const log = new ALog()
    const session = log.startSession('session-1')
    for (let at = 0; at < 25; at++) session.ask(`SELECT ${at} FROM numbers`)
    const { index, query, refresh } = await openWith(t, fixture, log.records)
    const expected = await hits(query, { text: 'numbers' })

    const read: Hit[] = []
    let after: string | null = null
    do {
      const page = await query.search(
        { text: 'numbers' },
        { limit: 4, ...(after === null ? {} : { after }) },
      )
      read.push(...page.hits)
      after = page.next
      session.ask(`SELECT ${read.length + 100} FROM numbers`)
      await applyRecords(index, log.records.slice(-1))
      await refresh()
    } while (after !== null)
    assert.deepEqual(read, expected)
  })

  test(`${name}: many events of the same moment are all found, page by page`, async (t) => {
    const log = new ALog()
    for (let at = 0; at < 2_100; at++)
      log.seal({ type: 'edge.sealed', occurred_at: firstMs * 1000 })
    log.seal({ type: 'edge.stopped', occurred_at: firstMs * 1000 + 1_000_000 })
    const { query } = await openWith(t, fixture, log.records)
    const positions = new Set<number>()
    let after: string | null = null
    do {
      const page = await query.search(
        { to: firstMs + 1 },
        { limit: 500, ...(after === null ? {} : { after }) },
      )
      for (const hit of page.hits) positions.add(hit.position)
      after = page.next
    } while (after !== null)
    assert.equal(positions.size, 2_100)
  })

  test(`${name}: what cannot be asked is said`, async (t) => {
    const { query } = await openWith(t, fixture, aWorkingDay(new ALog()).records)
    const { next } = await query.search({}, { limit: 1 })
    assert.ok(next)
    for (const limit of [0, -1, 501, 1.5, NaN]) {
      await assert.rejects(query.search({}, { limit }), withCode('QUERY_LIMIT_INVALID'))
      await assert.rejects(query.sessions({}, { limit }), withCode('QUERY_LIMIT_INVALID'))
      await assert.rejects(query.statements('s', { limit }), withCode('QUERY_LIMIT_INVALID'))
    }
    for (const after of ['', 'x', `${next}x`, '%%', 'ZXZlbnQgOTk5OTk5OTk5OTk5OTk5OTk5OQ']) {
      await assert.rejects(query.search({}, { after }), withCode('QUERY_CURSOR_INVALID'), after)
    }
    await assert.rejects(query.sessions({}, { after: next }), withCode('QUERY_CURSOR_INVALID'))
    await assert.rejects(query.search({ from: NaN }), withCode('QUERY_TIME_INVALID'))
    await assert.rejects(query.search({ text: '-- *' }), withCode('QUERY_TEXT_EMPTY'))
    const words = 'word '.repeat(40)
    await assert.rejects(query.search({ text: words }), withCode('QUERY_TEXT_TOO_LONG'))
    await assert.rejects(query.search({ actor: words.repeat(9) }), withCode('QUERY_NAME_TOO_LONG'))
  })
}
