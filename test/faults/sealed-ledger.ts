import assert from 'node:assert/strict'
import { hash } from 'node:crypto'

import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent, CompletionOutcome } from '../../schemas/event.ts'
import { openLogs } from '../../services/all-in-one/ledger-files.ts'
import { openEmbeddedBus } from '../../services/bus/adapters/embedded/embedded-bus.ts'
import { topics } from '../../services/bus/topics.ts'
import type { Ledger } from '../../services/ledger/ledger.ts'
import { dataPaths } from '../../services/runtime/config.ts'
import type { Config } from '../../services/runtime/config.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { eventually } from '../support/demo-stack.ts'

/** Every event that a stopped deployment has sealed, once. */
export interface SealedLedger {
  readonly events: readonly AuditEvent[]
  readonly entries: number
  /** Entries that repeat an earlier one, and say which. */
  readonly repeats: number
}

/** Opens the ledger of a deployment that does not run, seals what is left on the bus, and reads it all as `readLedger` does. */
export async function readSealed(config: Config): Promise<SealedLedger> {
  await using ledger = await openLogs(config, createLogger('error'))
  await sealTheRest(config, ledger)
  return await readLedger(ledger)
}

/**
 * Verifies a ledger that is not sealing, and asserts that a repeat equals what it says it repeats and that the chain of every producer
 * is whole.
 */
export async function readLedger(ledger: Ledger): Promise<SealedLedger> {
  const { problems } = await ledger.verify()
  assert.deepEqual(problems, [])
  const byId = new Map<string, { payload: Buffer; log: string; position: number }>()
  const events: AuditEvent[] = []
  let entries = 0
  let repeats = 0
  for (const { origin, size } of await ledger.reader.logs()) {
    for await (const { leaf, payload, position } of ledger.reader.entries(origin, 0, size)) {
      entries += 1
      assert.notEqual(leaf.type, 'loss', `entry ${position} says that records were lost`)
      if (leaf.type !== 'event') continue
      assert.ok(payload, `entry ${position} has no payload`)
      const first = byId.get(leaf.evt)
      if (first !== undefined) {
        repeats += 1
        assert.ok(payload.equals(first.payload), `entry ${position} differs from its first copy`)
        assert.equal(leaf.dupOf, first.position, `entry ${position} is a repeat and must say so`)
        continue
      }
      assert.equal(leaf.dupOf, undefined, `entry ${position} is no repeat`)
      byId.set(leaf.evt, { payload, log: origin, position })
      events.push(decodeEvent(payload))
    }
  }
  assertChains(events, byId)
  return { events, entries, repeats }
}

async function sealTheRest(config: Config, ledger: Ledger): Promise<void> {
  const { partitions, retentionMs } = config.bus
  await using bus = await openEmbeddedBus({
    file: dataPaths(config.dataDirectory).bus,
    topics: [
      { name: topics.auditEvents, partitions, retentionMs },
      { name: topics.ledgerSealed, partitions, retentionMs },
      { name: topics.controlUpdates, partitions: 1, compacted: true },
    ],
  })
  let records = 0n
  for (let part = 0; part < partitions; part += 1) {
    records += (await bus.watermarks(topics.auditEvents, part)).high
  }
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  // Each record is an entry, and so is the genesis of each log.
  const end = Number(records) + partitions
  await eventually('the ledger to seal what is on the bus', () =>
    Promise.resolve(ledger.durableEntries >= end ? true : null),
  )
  stop.abort()
  await running
}

/** Numbers of each producer from zero without a gap, each event naming the hash of the one before. */
function assertChains(
  events: readonly AuditEvent[],
  byId: ReadonlyMap<string, { readonly payload: Buffer }>,
): void {
  const byProducer = Map.groupBy(events, ({ producer }) => producer)
  for (const [producer, chain] of byProducer) {
    chain.sort((left, right) => left.producer_seq - right.producer_seq)
    let prev: Buffer = Buffer.alloc(32)
    for (const [seq, event] of chain.entries()) {
      assert.equal(event.producer_seq, seq, `${producer} misses the event ${seq}`)
      assert.ok(event.prev.equals(prev), `${producer} ${seq} does not follow the event before it`)
      prev = hash('sha256', byId.get(event.id)?.payload ?? Buffer.alloc(0), 'buffer')
    }
  }
  const gaps = events.filter(({ type }) => type === 'gap.detected')
  assert.deepEqual(
    gaps.map(({ gap }) => gap),
    [],
  )
}

export interface SealedRequest {
  readonly requestId: string
  /** The number in the statement or its parameter; null for what is no statement of the load. */
  readonly n: number | null
  readonly outcome: CompletionOutcome
}

/**
 * The requests of a ledger. Asserts that each has exactly one completion, and each completion its request; but where the target lets
 * requests through unrecorded, those may have their completion only.
 */
export function requestsOf(
  events: readonly AuditEvent[],
  unrecorded: 'none' | 'let-through' = 'none',
): readonly SealedRequest[] {
  const outcomes = new Map<string, CompletionOutcome>()
  for (const { type, request_id: id, completion } of events) {
    if (type !== 'request.completed' || id === null || completion === null) continue
    assert.ok(!outcomes.has(id), `${id} is completed twice`)
    outcomes.set(id, completion.outcome)
  }
  const requests: SealedRequest[] = []
  for (const { type, request_id: requestId, request } of events) {
    if (type !== 'request.received' || requestId === null || request === null) continue
    const outcome = outcomes.get(requestId)
    assert.ok(outcome, `${requestId} has no completion`)
    outcomes.delete(requestId)
    const text = request.parameters[0]?.value ?? request.statement
    const digits = /\d+/.exec(text.toString('utf8').replace('$1', ''))
    requests.push({ requestId, n: digits === null ? null : Number(digits[0]), outcome })
  }
  if (unrecorded === 'none') {
    assert.deepEqual([...outcomes.keys()], [], 'completions of requests that were never received')
  }
  return requests
}
