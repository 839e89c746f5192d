import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'

import fc from 'fast-check'

import { decodeEvent } from '../../../../schemas/codec.ts'
import { typesOfRole } from '../../../../schemas/event-types.ts'
import type { RecordScope } from '../../../../services/edge/capture/recorder.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import { parseVkey } from '../../../../services/ledger/proof/note.ts'
import { aCompletion, anActor, aRequest, aSession } from '../../../support/an-event.ts'
import { contextOf, directoryFor, ListBus, open } from './capture-fixture.ts'
import { until } from '../../../support/until.ts'

const request = aRequest('SELECT 1')
const completion = aCompletion()

type Step = readonly [scope: number, kind: 'request' | 'large' | 'end' | 'durable' | 'published']

test('any interleaving of scopes forms one chain without gaps, all of which reaches the bus in order', async (t) => {
  const steps = fc.array(
    fc.tuple(
      fc.nat({ max: 4 }),
      fc.constantFrom<Step[1]>('request', 'request', 'large', 'end', 'durable', 'published'),
    ),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const list = new ListBus()
      const recorder = await open(t, directoryFor(t), list.bus)
      const scopes = ['a', 'b', 'c', 'd', null].map((session) => recorder.scope(contextOf(session)))
      const taken: number[] = []
      for (const [at, kind] of given) {
        const scope = scopes[at] as RecordScope
        if (kind === 'durable') await recorder.durable()
        else if (kind === 'published') await recorder.published()
        else {
          const statement = aRequest(Buffer.alloc(kind === 'large' ? 300_000 : 20, 65))
          const type = kind === 'end' ? 'session.ended' : 'request.received'
          const outcome = scope.record({ type, request_id: `r${taken.length}`, request: statement })
          assert.ok(outcome.ok)
          taken.push(outcome.producerSeq)
        }
      }
      await recorder[Symbol.asyncDispose]()
      const seqs = new Set(list.chain().map(({ event }) => event.producer_seq))
      assert.ok(taken.every((seq) => seqs.has(seq)))
      const newest = new Map<string | null, number>()
      for (const { session_id: session, producer_seq: seq } of list.events) {
        assert.ok((newest.get(session) ?? -1) < seq, 'a key keeps its order')
        newest.set(session, seq)
      }
    }),
    { numRuns: 25 },
  )
})

test('the first event says what can be reported, and the last that the producer stops', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus, { role: 'reporter' })
  await recorder[Symbol.asyncDispose]()
  const chain = list.chain().map(({ event }) => event)
  assert.equal(chain[0]?.type, 'edge.started')
  assert.deepEqual(chain[0].edge?.event_types, typesOfRole.reporter)
  assert.equal(chain[0].edge.role, 'reporter')
  assert.deepEqual(
    chain.slice(-2).map(({ type }) => type),
    ['edge.stopped', 'edge.sealed'],
  )
  assert.deepEqual(recorder.scope(contextOf('s')).record({ type: 'session.started' }), {
    ok: false,
    reason: 'closed',
  })
})

test('heartbeats come by themselves and say how much waits', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus, { heartbeatMs: 20 })
  recorder.scope(contextOf('s')).record({ type: 'session.started', session: aSession() })
  await until(() =>
    list.events.some(({ type, edge }) => type === 'edge.heartbeat' && edge?.sessions === 1),
  )
})

test('the end of a session is sealed with a signature over its number and hash', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  scope.record({ type: 'session.started' })
  scope.record({ type: 'session.ended' })
  await recorder.published()
  const chain = list.chain()
  const { seal } = chain.find(({ event }) => event.type === 'edge.sealed')?.event ?? {}
  assert.ok(seal)
  const sealed = chain[seal.head_seq]
  assert.equal(sealed?.event.type, 'session.ended')
  const head = createHash('sha256').update(sealed.value).digest()
  assert.deepEqual(seal.head_sha256, head)
  const vkey = parseVkey(seal.vkey)
  assert.equal(vkey.name, 'edge-1')
  const text = `affidavit/edge-seal/v1\nedge-1\n${seal.head_seq}\n${head.toString('hex')}\n`
  assert.ok(verify(null, Buffer.from(text), vkey.key, seal.signature))
})

test('what is new is sealed within a second, and nothing is when nothing is new', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus)
  recorder.scope(contextOf('s')).record({ type: 'session.started' })
  await until(() => list.events.some(({ type }) => type === 'edge.sealed'))
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal(list.events.filter(({ type }) => type === 'edge.sealed').length, 1)
})

test('what a draft held may change as soon as it was recorded', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus)
  const statement = Buffer.from('SELECT 1')
  recorder.scope({ ...contextOf('s'), actor: anActor() }).record({
    type: 'request.received',
    request_id: 'r',
    request: { ...request, statement },
  })
  statement.fill(0)
  await recorder.published()
  const found = list.events.find(({ request_id: id }) => id === 'r')
  assert.equal(found?.request?.statement.toString(), 'SELECT 1')
  assert.equal(found.actor?.subject, anActor().subject)
})

test('an event that no bus would take is refused, and the chain goes on', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  const huge = { ...request, statement: Buffer.alloc(5 << 20) }
  const large = { ...request, statement: Buffer.alloc(3 << 20) }
  assert.deepEqual(scope.record({ type: 'request.received', request_id: 'r', request: huge }), {
    ok: false,
    reason: 'event_too_large',
  })
  assert.ok(scope.record({ type: 'request.received', request_id: 'r', request: large }).ok)
  assert.ok(scope.record({ type: 'request.completed', request_id: 'r', completion }).ok)
  await recorder.published()
  assert.equal(list.chain().filter(({ event }) => event.request_id === 'r').length, 2)
})

test('waiting for the bus ends when the caller has waited long enough', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const recorder = await open(t, directoryFor(t), list.bus, { closeMs: 50 })
  recorder.scope(contextOf('s')).record({ type: 'session.started' })
  await assert.rejects(recorder.published(AbortSignal.timeout(30)), /did not acknowledge/)
  await assert.rejects(recorder.published(AbortSignal.abort()), /did not acknowledge/)
  await recorder.durable()
})

test('on the embedded bus, sessions keep their order', async (t) => {
  const directory = directoryFor(t)
  await using bus = await openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [{ name: 'audit.events', partitions: 3 }],
  })
  const recorder = await open(t, join(directory, 'spool'), bus)
  const scopes = ['a', 'b', 'c', 'd'].map((session) => recorder.scope(contextOf(session)))
  for (let count = 0; count < 2_000; count += 1) {
    scopes[count % 4]?.record({ type: 'request.received', request_id: `r${count}`, request })
  }
  await recorder.published()
  await recorder[Symbol.asyncDispose]()
  const seen = new Map<string, number>()
  let received = 0
  const stop = new AbortController()
  const consumer = bus.consumer({ group: 'test', topics: ['audit.events'] })
  await consumer.run((batch) => {
    for (const { value } of batch.records) {
      const event = decodeEvent(value)
      if (event.session_id === null) continue
      assert.ok((seen.get(event.session_id) ?? -1) < event.producer_seq)
      seen.set(event.session_id, event.producer_seq)
      received += 1
    }
    if (received === 2_000) stop.abort()
    return Promise.resolve({ commit: (batch.records.at(-1)?.offset ?? 0n) + 1n })
  }, stop.signal)
  assert.equal(received, 2_000)
})

test('events that follow each other share a request to the bus; who waits for them ends the rest', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus, { paceMs: 3_600_000 })
  const scope = recorder.scope(contextOf('s'))
  await recorder.published()
  for (let block = 0; block < 3; block += 1) {
    const before = list.requests.length
    for (let count = 0; count < 10; count += 1) {
      scope.record({ type: 'request.received', request_id: `${block}.${count}`, request })
      await recorder.durable()
    }
    assert.equal(list.requests.length, before)
    await recorder.published()
    assert.deepEqual(list.requests.slice(before), [10])
  }
})
