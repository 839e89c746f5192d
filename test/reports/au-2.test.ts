import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AuditEvent } from '../../schemas/event.ts'
import { eventTypes, typesOfRole } from '../../schemas/event-types.ts'
import type { EventLeaf } from '../../schemas/leaf.ts'
import { targetCode } from '../../schemas/target-code.ts'
import { ProducerFacts, accountOf } from '../../reports/au-2/producer-facts.ts'
import { conclude, newFacts } from '../../reports/au-2/report.ts'
import { aCompletion, aRequest, aSession, anEvent } from '../support/an-event.ts'
import { foundBy, fromMs, frozen, inSession, resultOf, sealed } from './au-2-result.ts'

const edge = {
  version: '1',
  state: 'running',
  reason: null,
  event_types: eventTypes,
  sessions: 0,
  spool_events: 0,
  spool_bytes: 0,
  refused: 0,
  unrecorded: 0,
  durability: null,
  clock_offset_us: null,
  role: 'edge',
} as const
function quarantinedLeaf(off: number, reason: string): EventLeaf {
  const { leaf } = sealed(anEvent(), off)
  return {
    ...leaf,
    evt: '',
    off,
    topic: 'audit.events',
    part: 3,
    ix: { type: 'quarantined', outcome: reason },
  }
}

const beats = (count: number): Partial<AuditEvent>[] =>
  Array.from({ length: count }, () => ({ type: 'edge.heartbeat', edge }))

test('a number that is missing is an exception, and nothing else is concluded from such a population', () => {
  const events = beats(5)
  const result = resultOf([...events.slice(0, 3), { ...events[3], producer_seq: 7 }])
  assert.match(foundBy(result, 'AU2-01')[0] ?? '', /edge-1 numbered events 3 to 6/)
  assert.match(result.incomplete ?? '', /4 rows, 4 envelopes, 8 by the producers' numbers/)
  assert.ok(result.objectives.every(({ state }) => state !== 'no-exceptions'))
})

test('a loss that the ledger tells of is an exception, and the rest is still counted as whole', () => {
  const gap = { producer: 'edge-1', from_seq: 1, to_seq: 2, reason: 'missing', records: null }
  const result = resultOf([
    { type: 'edge.heartbeat', edge },
    { type: 'edge.heartbeat', edge, producer_seq: 3 },
    { type: 'gap.detected', gap, producer_seq: 4 },
  ])
  assert.deepEqual(foundBy(result, 'AU2-01'), [
    'Events 1 to 2 of edge-1: they never reached the ledger.',
  ])
  assert.equal(result.incomplete, null)
})

test('events after the last signature of their producer are told of, those that had no time yet and the signature itself are not', () => {
  const seal = (head: number): Partial<AuditEvent> => ({
    type: 'edge.sealed',
    seal: { head_seq: head, head_sha256: Buffer.alloc(32), vkey: 'v', signature: Buffer.alloc(64) },
  })
  const signed = [...beats(3), seal(2)]
  assert.deepEqual(foundBy(resultOf(signed), 'AU2-01'), [])
  const forged = [...signed, ...beats(2)]
  assert.deepEqual(foundBy(resultOf(forged), 'AU2-01'), [
    'Events 4 to 5 of edge-1 are under no signature of it, which it makes each second: it ended before it could, or somebody else sent them.',
  ])
  assert.deepEqual(foundBy(resultOf(forged, fromMs + 50_000), 'AU2-01'), [])
  // A later signature, be it of the next period or of the producer's next start, covers them by the chain.
  const later = { ...seal(5), occurred_at: (frozen.toMs + 5000) * 1000 }
  assert.deepEqual(foundBy(resultOf([...forged, later]), 'AU2-01'), [])
  const erased = resultOf([...forged, seal(5)], undefined, ({ type }) => type === 'edge.sealed')
  assert.deepEqual(foundBy(erased, 'AU2-01'), [])
})

test('numbers of other periods are no gap', () => {
  const before = (fromMs - 5000) * 1000
  const result = resultOf([
    { type: 'edge.heartbeat', edge },
    { type: 'edge.heartbeat', edge, occurred_at: before },
    { type: 'edge.heartbeat', edge },
  ])
  assert.deepEqual(foundBy(result, 'AU2-01'), [])
  assert.equal(result.incomplete, null)
})

test('a producer may have more events outside of the period than a set can hold', () => {
  const facts = new ProducerFacts('edge-1', 1)
  const before = 2 ** 24 + 10
  for (let seq = 0; seq < before; seq++) facts.outside.push(seq)
  facts.inside.push(before, before + 2)
  facts.outside.push(before + 1)
  const account = accountOf(facts, [])
  assert.deepEqual([account.spanned, account.rows, account.outside], [3, 2, 1])
  assert.deepEqual(account.unexplained, [])
})

test('a number that is used twice spoils the count', () => {
  const result = resultOf([...beats(2), { type: 'edge.heartbeat', edge, producer_seq: 1 }])
  assert.match(foundBy(result, 'AU2-01')[0] ?? '', /used 1 numbers twice/)
  assert.notEqual(result.incomplete, null)
})

test('a producer that is silent without having said that it stops is an exception, one that stopped is not', () => {
  const later = (fromMs + 600_000) * 1000
  const silent = resultOf(
    [
      { type: 'edge.started', edge },
      { type: 'edge.heartbeat', edge, occurred_at: later },
    ],
    fromMs + 610_000,
  )
  assert.match(foundBy(silent, 'AU2-03')[0] ?? '', /edge-1 was silent for 599 s/)
  const stopped = resultOf([
    { type: 'edge.heartbeat', edge },
    { type: 'edge.stopped', edge },
    { type: 'edge.sealed' },
    { type: 'edge.started', edge, occurred_at: later },
    { type: 'edge.stopped', edge, occurred_at: later },
  ])
  assert.deepEqual(foundBy(stopped, 'AU2-03'), [])
})

test('silence is told by the times of events, in whatever order the logs that hold them are read', () => {
  const at = (second: number): number => (fromMs + second * 1000) * 1000
  const stopped = 300
  // Statements of a session in one log, what the edge says of itself in another; it was killed at 20 s and started again at 122 s.
  const session = [10, 15, 130, 150, 170, 190].map((second) => ({
    ...inSession,
    type: 'request.received' as const,
    request: aRequest(),
    occurred_at: at(second),
  }))
  const itself = [0, 20, 122, 140, 160, 180, 200, 220, 240, 260, 280].map((second) => ({
    type: 'edge.heartbeat' as const,
    edge,
    occurred_at: at(second),
  }))
  const end = [
    { type: 'edge.stopped', edge, occurred_at: at(stopped) },
    { type: 'edge.sealed', occurred_at: at(stopped) + 1 },
  ] as const
  const silent = ['edge-1 was silent for 102 s from 2026-11-24T00:00:20Z']
  for (const given of [
    [...session, ...itself, ...end],
    [...itself, ...end, ...session],
  ]) {
    const seqs = given
      .map((event, index) => ({ index, us: event.occurred_at }))
      .sort((one, other) => one.us - other.us)
    const events = given.map((event, index) => ({
      ...event,
      producer_seq: seqs.findIndex((each) => each.index === index),
    }))
    const found = foundBy(resultOf(events), 'AU2-03')
    assert.deepEqual(
      found.map((sentence) => sentence.replace(/ without.*/, '')),
      silent,
    )
  }
})

test('what an edge said before the period decides whether it is silent in it', () => {
  const before = (second: number): number => (fromMs - 60_000 + second * 1000) * 1000
  const events = (last: Partial<AuditEvent>): Partial<AuditEvent>[] => [
    { type: 'edge.sealed', occurred_at: before(41), producer_seq: 2 },
    { type: 'edge.heartbeat', edge, occurred_at: before(30), producer_seq: 0 },
    { ...last, edge, occurred_at: before(40), producer_seq: 1 },
    { type: 'edge.heartbeat', edge, occurred_at: before(100), producer_seq: 3 },
    { type: 'edge.stopped', edge, occurred_at: before(101), producer_seq: 4 },
  ]
  assert.deepEqual(foundBy(resultOf(events({ type: 'edge.stopped' })), 'AU2-03'), [])
  assert.match(
    foundBy(resultOf(events({ type: 'edge.heartbeat' })), 'AU2-03')[0] ?? '',
    /edge-1 was silent for 40 s from 2026-11-24T00:00:00Z/,
  )
})

test('an event whose payload was erased is no silence: its leaf says when it was, of what type and from whom', () => {
  const at = (second: number): number => (fromMs + second * 1000) * 1000
  const events: Partial<AuditEvent>[] = [
    // Before the period, too, the last word decides.
    { type: 'edge.stopped', edge, occurred_at: at(-60) },
    { type: 'edge.started', edge, occurred_at: at(10) },
    ...[30, 50, 70, 90].map((second) => ({
      ...inSession,
      type: 'request.received' as const,
      request: aRequest(),
      occurred_at: at(second),
    })),
    { type: 'edge.heartbeat', edge, occurred_at: at(110) },
    { type: 'edge.stopped', edge, occurred_at: at(130) },
  ]
  const isKept = new Set(['edge.started'])
  const result = resultOf(events, frozen.toMs, ({ type }) => !isKept.has(type))
  assert.deepEqual(foundBy(result, 'AU2-03'), [])
  assert.equal(result.rules.get('AU2-03')?.notEvaluated, null)
  assert.equal(result.facts.producers.get('edge-1')?.longestSilenceUs, 20_000_000)
})

test('a session that was erased is counted, and whether it ended in time is not claimed', () => {
  const events: Partial<AuditEvent>[] = [
    { ...inSession, type: 'session.started', session: aSession() },
    { ...inSession, session_id: 's2', type: 'session.started', session: aSession() },
    { ...inSession, session_id: 's2', type: 'session.ended', session: aSession() },
  ]
  const result = resultOf(events, fromMs + 60_000, ({ session_id }) => session_id === 's1')
  const rule = result.rules.get('AU2-02')
  assert.match(rule?.notEvaluated ?? '', /^1 sessions of the period were erased/)
  const producer = result.facts.producers.get('edge-1')
  assert.deepEqual([producer?.sessionsOpened, producer?.sessionsClosed], [2, 1])
})

test('the types that are specified are those of the last change, whichever log it stands in', () => {
  const change = (types: string[], second: number): Partial<AuditEvent> => ({
    type: 'config.changed',
    occurred_at: (fromMs + second * 1000) * 1000,
    change: {
      what: 'configuration',
      digest: Buffer.alloc(32),
      previous: null,
      content: null,
      event_types: types,
    },
  })
  const { facts } = resultOf([change(['auth.failed'], 9), change(['edge.started'], 3)])
  assert.deepEqual(facts.specified, ['auth.failed'])
})

test('a session without an end and a record without actor, source or outcome are exceptions', () => {
  const result = resultOf([
    {
      ...inSession,
      type: 'session.started',
      session: aSession(),
      occurred_at: (fromMs - 86_400_000) * 1000,
    },
    { ...inSession, type: 'request.received', request: aRequest(), actor: null, source: null },
    { ...inSession, type: 'request.completed', completion: aCompletion({ outcome: 'unknown' }) },
  ])
  assert.match(foundBy(result, 'AU2-02')[0] ?? '', /Session s1/)
  assert.deepEqual(foundBy(result, 'AU3-04'), [
    '1 of 1 events request.received do not say where they came from.',
  ])
  assert.deepEqual(foundBy(result, 'AU3-05'), [
    '1 of 1 events request.completed do not say how they ended.',
  ])
  assert.deepEqual(foundBy(result, 'AU3-06'), [
    '1 of 1 events request.received do not say who acted.',
  ])
})

test('how long a session without an end lasted is known up to the newest checkpoint, not to the end of the period', () => {
  const hour = 3_600_000
  const started = { ...inSession, type: 'session.started', session: aSession() } as const
  const before = [{ ...started, occurred_at: (fromMs - 20 * hour) * 1000 }]
  assert.deepEqual(foundBy(resultOf(before, fromMs + 3 * hour), 'AU2-02'), [])
  assert.equal(foundBy(resultOf(before, fromMs + 5 * hour), 'AU2-02').length, 1)
})

test('a session that ended too late is an exception of the periods in which it was overdue', () => {
  const session = { ...inSession, session: aSession() }
  const us = (hour: number): number => (fromMs + hour * 3_600_000) * 1000
  const overdue = (start: number, end: number): number => {
    const result = resultOf([
      { ...session, type: 'session.started', occurred_at: us(start) },
      { ...session, type: 'session.ended', occurred_at: us(end) },
    ])
    return foundBy(result, 'AU2-02').length
  }
  assert.equal(overdue(-5, 19), 0, 'in time')
  assert.equal(overdue(-5, 20), 1, 'too late, in the period')
  assert.equal(overdue(-5, 30), 1, 'too late, after it')
  assert.equal(overdue(2, 30), 0, 'too late, but in the next period')
  assert.equal(overdue(-30, -1), 0, 'too late, but in the period before')
})

test('an edge that cannot log what is specified, and one that lacks types of its release, are exceptions', () => {
  const result = resultOf([
    {
      type: 'edge.started',
      edge: { ...edge, event_types: typesOfRole.edge.filter((type) => type !== 'auth.failed') },
    },
    {
      type: 'config.changed',
      change: {
        what: 'configuration',
        digest: Buffer.alloc(32),
        previous: null,
        content: null,
        event_types: ['edge.started', 'auth.failed'],
      },
    },
  ])
  assert.deepEqual(foundBy(result, 'AU2-06'), [
    'edge-1 cannot log types that are specified: auth.failed.',
  ])
  assert.deepEqual(foundBy(result, 'AU12-01'), [
    'edge-1 does not say that it can log: auth.failed.',
  ])
})

test('what changes at a target is no change of what is logged', () => {
  const change = {
    what: targetCode,
    digest: Buffer.alloc(32),
    previous: null,
    content: null,
    event_types: [],
  }
  const { facts, rules } = resultOf([{ type: 'config.changed', change }])
  assert.deepEqual(facts.changes, [])
  assert.equal(rules.get('AU2-07')?.checked, 0)
})

test('a producer that does not say what it is, or is what this release does not know, is not judged by a guess', () => {
  for (const role of [null, 'forwarder', 'constructor']) {
    const result = resultOf([
      { type: 'edge.started', edge: { ...edge, role, event_types: typesOfRole.api } },
    ])
    assert.deepEqual(foundBy(result, 'AU12-01'), [])
    assert.match(result.rules.get('AU12-01')?.notEvaluated ?? '', /^edge-1 did not say/)
  }
  const asEdge = resultOf([
    { type: 'edge.started', edge: { ...edge, role: 'edge', event_types: typesOfRole.api } },
  ])
  assert.match(foundBy(asEdge, 'AU12-01')[0] ?? '', /session\.started/)
})

test('what has no evidence yet is not evaluated, and says why', () => {
  const result = resultOf(beats(3))
  for (const rule of ['AU2-05', 'AU2-06', 'AU2-07', 'AU8-01', 'AU12-01']) {
    assert.notEqual(result.rules.get(rule)?.notEvaluated, null, rule)
  }
})

test('records that are no events are exceptions with partition, offset and reason, however many', () => {
  const facts = newFacts(frozen)
  for (let off = 0; off < 30; off++)
    facts.setAside(quarantinedLeaf(off, 'wrong_key'), `l:${off + 1}`)
  facts.setAside(quarantinedLeaf(99, 'unknown_schema'), 'l:100')
  facts.lose(
    { ...quarantinedLeaf(0, ''), type: 'loss', from: 5, to: 7, reason: 'below_low_watermark' },
    'l:200',
  )
  const counts = { genesis: 1, losses: 1, quarantined: 31, duplicates: 0, outsidePeriod: 0 }
  const result = conclude(frozen, facts, { ...counts, entries: 33, projected: 0, scanned: 0 })
  const offsets = Array.from({ length: 20 }, (_, at) => at).join(', ')
  assert.deepEqual(foundBy(result, 'AU2-04'), [
    `30 records are no event and sealed as such: its key is not that of its session or producer (audit.events, partition 3, offset ${offsets} and 10 more).`,
    'A record is no event and sealed as such: its schema id is none of ours (audit.events, partition 3, offset 99).',
  ])
  const rule = result.rules.get('AU2-04')
  assert.deepEqual(
    rule?.exceptions.map(({ count }) => count),
    [30, 1],
  )
  assert.equal(rule.exceptions[0]?.indices.length, 20)
  assert.equal(rule.checked, 31)
  assert.deepEqual(foundBy(result, 'AU2-01'), [
    'Offsets 5 to 6 of audit.events, partition 3, came to no entry: the bus had deleted it before it was sealed.',
  ])
})

test('a finding of the ledger about records on the bus is no gap in the numbers of a producer', () => {
  const records = {
    topic: 'audit.events',
    partition: 3,
    from_offset: 7,
    to_offset: 7,
    count: 1,
    log: 'l',
    position: 9,
  }
  const gap = { producer: 'audit.events/3', from_seq: 7, to_seq: 7, reason: 'truncated', records }
  assert.deepEqual(foundBy(resultOf([{ type: 'gap.detected', gap }]), 'AU2-01'), [])
})

test('an exception has the same id in every report', () => {
  const gap = { producer: 'edge-1', from_seq: 1, to_seq: 2, reason: 'seal_invalid', records: null }
  const ids = [0, 1].map(
    () => resultOf([{ type: 'gap.detected', gap }]).rules.get('AU2-01')?.exceptions[0]?.id,
  )
  assert.match(ids[0] ?? '', /^[0-9a-f-]{14}5/)
  assert.equal(ids[0], ids[1])
})
