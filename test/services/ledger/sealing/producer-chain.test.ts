import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { AuditEvent, GapPart } from '../../../../schemas/event.ts'
import { ProducerChain } from '../../../../services/ledger/sealing/producer-chain.ts'
import type { ChainedEvent } from '../../../../services/ledger/sealing/producer-chain.ts'
import { outlineEvent } from '../../../../schemas/event-outline.ts'
import { encoded } from '../../../support/an-event.ts'
import { ChainOfEvents } from '../../../support/a-ledger.ts'
import type { SentEvent } from '../../../support/a-ledger.ts'

function aChain(): ProducerChain {
  return new ProducerChain({ verifySeal: () => true, graceMs: 1000, maxWaiting: 50 })
}

function events(count: number, producer = 'edge-1'): SentEvent[] {
  const chain = new ChainOfEvents(producer)
  return Array.from({ length: count }, () => chain.next())
}

function changedEvent(event: AuditEvent): ChainedEvent {
  const value = encoded(event)
  return { outline: outlineEvent(value), value }
}

function takeAll(chain: ProducerChain, sent: readonly ChainedEvent[]): GapPart[] {
  const found = sent.flatMap((event) => chain.take(event, 0))
  return [...found, ...chain.expire(10_000)]
}

test('a whole chain shows nothing, with repeats and in any interleaving of two partitions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      fc.array(fc.nat(39), { maxLength: 5 }),
      (count, takesLeft, repeats) => {
        const sent = events(count)
        // The first event must be the first seen: what came before it, this machine does not know.
        const rest = sent.slice(1)
        const left = rest.filter((_, at) => takesLeft[at] === true)
        const right = rest.filter((_, at) => takesLeft[at] !== true)
        const again = repeats.flatMap((at) => sent[at] ?? [])
        const order = [...sent.slice(0, 1), ...right, ...left, ...again]
        assert.deepEqual(takeAll(aChain(), order), [])
      },
    ),
  )
})

test('every removed run of events is found, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 60 }),
      fc.nat(),
      fc.integer({ min: 1, max: 20 }),
      (count, seed, length) => {
        const from = 1 + (seed % (count - 2))
        const to = Math.min(count - 2, from + length - 1)
        const sent = events(count).filter((_, at) => at < from || at > to)
        assert.deepEqual(takeAll(aChain(), sent), [
          { producer: 'edge-1', from_seq: from, to_seq: to, reason: 'missing', records: null },
        ])
      },
    ),
  )
})

test('a producer that does not begin with 0 has lost its first events, if the beginning was seen', () => {
  const sent = events(5).slice(2)
  assert.deepEqual(takeAll(aChain(), sent), [])
  const chain = new ProducerChain({ verifySeal: () => true, seesBeginning: true, graceMs: 1000 })
  assert.deepEqual(takeAll(chain, sent), [
    { producer: 'edge-1', from_seq: 0, to_seq: 1, reason: 'missing', records: null },
  ])
})

test('a missing event may still come within the grace time', () => {
  const chain = aChain()
  const [first, late, third] = events(3) as [SentEvent, SentEvent, SentEvent]
  assert.deepEqual(chain.take(first, 0), [])
  assert.deepEqual(chain.take(third, 0), [])
  assert.deepEqual(chain.expire(900), [])
  assert.deepEqual(chain.take(late, 950), [])
  assert.deepEqual(chain.expire(5000), [])
})

test('changed bytes are found by the next event’s hash', () => {
  const [first, second, third] = events(3) as [SentEvent, SentEvent, SentEvent]
  const changed = changedEvent({ ...second.event, purpose: 'another one' })
  const found = takeAll(aChain(), [first, changed, third])
  assert.deepEqual(
    found.map(({ reason, from_seq }) => [reason, from_seq]),
    [['chain_broken', 1]],
  )
})

test('a number that is used for two different events is found', () => {
  const sent = events(3)
  const [, second] = sent as [SentEvent, SentEvent]
  const found = takeAll(aChain(), [...sent, changedEvent({ ...second.event, id: 'another' })])
  assert.deepEqual(
    found.map(({ reason, from_seq }) => [reason, from_seq]),
    [['number_used_twice', 1]],
  )
})

test('numbers that an edge uses anew are found however long ago they were used, and neither repeats nor late events are', () => {
  // Its spool was restored from a copy: it goes on with what it had then.
  const sent = events(10_000)
  const restored = new ChainOfEvents()
  for (let seq = 0; seq < 3000; seq++) restored.next()
  const anew = [restored.next({ type: 'edge.started' }), restored.next()]
  const chain = aChain()
  assert.deepEqual(takeAll(chain, sent), [])
  const repeats = sent.slice(3000, 3002).map((event) => ({ ...event, isRepeat: true }))
  assert.deepEqual(takeAll(chain, repeats), [])
  assert.deepEqual(
    takeAll(chain, anew).map(({ reason, from_seq }) => [reason, from_seq]),
    [
      ['number_used_twice', 3000],
      ['number_used_twice', 3001],
    ],
  )

  const slow = aChain()
  const late = sent.slice(5, 7)
  const found = takeAll(slow, [...sent.slice(0, 5), ...sent.slice(7)])
  assert.deepEqual(
    found.map(({ reason, from_seq, to_seq }) => [reason, from_seq, to_seq]),
    [['missing', 5, 6]],
  )
  assert.deepEqual(takeAll(slow, late), [])
})

test('a number far ahead, which whoever may write to the bus can send, blinds nobody for what the edge sends', () => {
  const sent = events(20)
  const forged = changedEvent({ ...(sent[9] as SentEvent).event, id: 'x', producer_seq: 2 ** 52 })
  const chain = aChain()
  const before = takeAll(chain, [...sent.slice(0, 10), forged])
  assert.deepEqual(
    before.map(({ reason, from_seq }) => [reason, from_seq]),
    [['missing', 10]],
  )
  assert.deepEqual(takeAll(chain, sent.slice(10, 12)), [])
  assert.deepEqual(
    takeAll(chain, sent.slice(15)).map(({ reason, from_seq, to_seq }) => [
      reason,
      from_seq,
      to_seq,
    ]),
    [['missing', 12, 14]],
  )
})

test('two edges of one name and two keys are told of once, not at every seal', () => {
  const chain = new ProducerChain({ verifySeal: () => true, graceMs: 1000 })
  const sent = new ChainOfEvents()
  const reasons: string[] = []
  for (let at = 0; at < 6; at += 1) {
    const seal = {
      head_seq: 1_000_000,
      head_sha256: Buffer.alloc(32),
      vkey: `edge-1+${at % 2}`,
      signature: Buffer.alloc(64),
    }
    const event = sent.next({ type: 'edge.sealed', seal })
    for (const { reason } of chain.take(event, 0)) reasons.push(reason)
  }
  assert.deepEqual(reasons, ['seal_key_changed'])
})

test('a seal that does not verify, covers other bytes, or comes by another key is found', () => {
  const chain = new ChainOfEvents()
  const head = chain.next()
  const seal = (given: object): SentEvent =>
    chain.next({
      type: 'edge.sealed',
      seal: {
        head_seq: 0,
        head_sha256: Buffer.alloc(32),
        vkey: 'edge-1+aa',
        signature: Buffer.alloc(64),
        ...given,
      },
    })
  const machine = new ProducerChain({
    verifySeal: ({ seal }) => seal?.vkey !== 'forged',
    graceMs: 1000,
  })
  const { prev } = seal({ vkey: 'forged' }).event
  const reasons = (event: ChainedEvent): string[] =>
    machine.take(event, 0).map(({ reason }) => reason)
  machine.take(head, 0)
  const fresh = new ChainOfEvents()
  fresh.next()
  assert.deepEqual(reasons(fresh.next({ type: 'edge.sealed', prev, seal: null })), ['seal_invalid'])
  assert.deepEqual(reasons(seal({})), ['chain_broken', 'seal_of_other_bytes'])
  assert.deepEqual(reasons(seal({ head_sha256: prev, vkey: 'edge-1+bb' })), ['seal_key_changed'])
})

test('memory is bounded: too many events behind a gap give it up', () => {
  const sent = events(200).filter((_, at) => at !== 1)
  const chain = aChain()
  const found = sent.flatMap((event) => chain.take(event, 0))
  assert.deepEqual(found, [
    { producer: 'edge-1', from_seq: 1, to_seq: 1, reason: 'missing', records: null },
  ])
})
