import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { outlineEvent } from '../../schemas/event-outline.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import { openEmbeddedBus } from '../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus, StoredRecord } from '../../services/bus/bus.ts'
import { topics } from '../../services/bus/topics.ts'
import type { FileLedgerOptions } from '../../services/ledger/adapters/files/open.ts'
import type { ChainedEvent } from '../../services/ledger/sealing/producer-chain.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { createKeyFile } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { anEvent, encoded } from './an-event.ts'

/** A directory of the test's own. */
export async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-ledger-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Options of a ledger of one partition in this directory; its key is beside it. */
export async function ledgerOptions(
  directory: string,
  given: Partial<FileLedgerOptions> = {},
): Promise<FileLedgerOptions> {
  return {
    directory: join(directory, 'ledger'),
    operator: 'ledger.example',
    environment: 'test',
    topic: topics.auditEvents,
    partitions: 1,
    key: await createKeyFile(join(directory, 'ledger.key')),
    clock: systemClock,
    logger: createLogger('silent'),
    randomBytes,
    checkpointMs: 10,
    ...given,
  }
}

export function aBus(directory: string, partitions = 1): Promise<Bus> {
  return openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [
      { name: topics.auditEvents, partitions },
      { name: topics.ledgerSealed, partitions },
    ],
  })
}

/** Numbers and chains events as a producer does. */
export class ChainOfEvents {
  readonly producer: string
  #next = 0
  #prev: Buffer = Buffer.alloc(32)

  constructor(producer = 'edge-1') {
    this.producer = producer
  }

  next(given: Partial<AuditEvent> = {}): SentEvent {
    const event = anEvent({
      producer: this.producer,
      producer_seq: this.#next++,
      prev: this.#prev,
      ...given,
    })
    const value = encoded(event)
    this.#prev = createHash('sha256').update(value).digest()
    return { event, value, outline: outlineEvent(value) }
  }
}

export interface SentEvent extends ChainedEvent {
  readonly event: AuditEvent
}

/** Sends values under one key. */
export async function send(bus: Bus, key: string, values: readonly Buffer[]): Promise<void> {
  const records = values.map((value) => ({ value, headers: {} }))
  await bus.producer.send(topics.auditEvents, Buffer.from(key), records)
}

/** Sends events under the keys that are theirs, in order. */
export async function sendEvents(bus: Bus, values: readonly Buffer[]): Promise<void> {
  for (const value of values) {
    const { sessionId, producer } = outlineEvent(value)
    await send(bus, sessionId ?? producer, [value])
  }
}

/** Everything that is on `ledger.sealed` until there are `count` records. */
export async function readSealed(bus: Bus, count: number, group = 'test'): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  const enough = new AbortController()
  await using consumer = bus.consumer({
    group,
    topics: [topics.ledgerSealed],
    startAt: () => Promise.resolve('oldest'),
  })
  await consumer.run((batch) => {
    records.push(...batch.records)
    if (records.length >= count) enough.abort()
    return Promise.resolve({ commit: (batch.records.at(-1)?.offset ?? -1n) + 1n })
  }, enough.signal)
  return records
}
