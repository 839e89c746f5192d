import { hash, randomUUID } from 'node:crypto'

import type { Bus, StoredRecord } from '../../services/bus/bus.ts'
import { partitionOf } from '../../services/bus/partitioner.ts'
import { sealedHeaders, topics } from '../../services/bus/topics.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aSession,
  anActor,
  anEvent,
  encoded,
} from '../support/an-event.ts'

const partitions = 6
export const sessions = 120

/** What the ledger sends, by partition: sessions whose statements are received and completed, each session in one partition. */
export function sealedRecords(statementsOfEach: number): readonly SealedPartition[] {
  const all = Array.from({ length: partitions }, (_, partition) => new SealedPartition(partition))
  const startUs = Date.UTC(2026, 10, 25, 8) * 1_000
  let seq = 0
  const keys = Array.from({ length: sessions }, () => Buffer.from(randomUUID()))
  const seal = (key: Buffer, given: Parameters<typeof anEvent>[0]): void => {
    const event = anEvent({
      session_id: key.toString(),
      producer_seq: seq,
      occurred_at: startUs + 500 * seq++,
      actor: anActor(),
      target: { name: 'shop-db', kind: 'postgres', address: '127.0.0.1:5432' },
      source: { address: '10.0.0.9', port: 40_000, tls: 'TLSv1.3' },
      ...given,
    })
    all[partitionOf(key, partitions)]?.add(key, encoded(event))
  }
  for (const key of keys) seal(key, { type: 'session.started', session: aSession() })
  for (let at = 0; at < statementsOfEach; at++) {
    for (const key of keys) {
      const request_id = `${key.toString()}-${at}`
      const statement = `SELECT name, amount FROM public.orders WHERE customer = ${seq} AND amount > ${at}`
      seal(key, {
        type: 'request.received',
        request_id,
        request: aRequest(statement, { reads: ['public.orders'] }),
        decision: aDecision(),
      })
      seal(key, { type: 'request.completed', request_id, completion: aCompletion({ rows: at }) })
    }
  }
  return all
}

/** A bus that costs nothing: it hands the records over from memory, partitions side by side. */
export function busOf(records: readonly SealedPartition[]): {
  readonly bus: Bus
  readonly read: Promise<unknown>
} {
  const read = Promise.withResolvers<unknown>()
  const bus: Bus = {
    producer: { send: () => Promise.reject(new Error('only read')) },
    partitionsOf: () => Promise.resolve(records.length),
    watermarks: () => Promise.resolve({ low: 0n, high: 0n }),
    committed: () => Promise.resolve(null),
    consumer: ({ maxRecords = 1_000 }) => ({
      run: async (handle, signal) => {
        const reading = records.map(async (some, partition) => {
          for (let from = 0; from < some.length; from += maxRecords) {
            const highWatermark = BigInt(some.length + 1)
            await handle({
              topic: topics.ledgerSealed,
              partition,
              records: some.records(from, from + maxRecords),
              highWatermark,
              beat: () => Promise.resolve(),
            })
          }
        })
        read.resolve(await Promise.all(reading).catch(read.reject))
        signal.throwIfAborted()
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { bus, read: read.promise }
}

/** The records of a partition, packed: as objects they would give the collector more to look through than an indexer has. */
export class SealedPartition {
  readonly #log: string
  readonly #keys: Buffer[] = []
  /** Where each value ends. */
  readonly #values: number[] = []
  readonly #leafHashes: Buffer[] = []
  #bytes = Buffer.alloc(1 << 20)

  constructor(partition: number) {
    this.#log = `bench.example/bench/audit.events/p0${partition}/2026q4`
  }

  get length(): number {
    return this.#keys.length
  }

  add(key: Buffer, value: Buffer): void {
    const end = this.#values.at(-1) ?? 0
    if (end + value.length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)])
    }
    this.#values.push(end + value.copy(this.#bytes, end))
    this.#keys.push(key)
    this.#leafHashes.push(hash('sha256', value, 'buffer'))
  }

  /** As the ledger sends them. */
  records(from: number, to: number): StoredRecord[] {
    return Array.from({ length: Math.min(to, this.length) - from }, (_, index) => {
      const at = from + index
      const value = this.#bytes.subarray(this.#values[at - 1] ?? 0, this.#values[at])
      return {
        key: this.#keys[at] ?? Buffer.alloc(0),
        offset: BigInt(at + 1),
        timestampMs: 0,
        leaderEpoch: null,
        value,
        headers: {
          [sealedHeaders.log]: Buffer.from(this.#log),
          [sealedHeaders.position]: Buffer.from(String(at + 1)),
          [sealedHeaders.leafHash]: this.#leafHashes[at] ?? Buffer.alloc(0),
        },
      }
    })
  }
}
