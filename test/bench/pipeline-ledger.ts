import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { cloudEventHeaders } from '../../schemas/cloud-event.ts'
import { openKafkaBus } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../../services/bus/bus.ts'
import { topics } from '../../services/bus/topics.ts'
import type { RecordScope } from '../../services/edge/capture/recorder.ts'
import { initLedger, openLedger } from '../../services/ledger/adapters/files/open.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { createKeyFile } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { startKafka } from '../engines/kafka.ts'
import { ChainOfEvents } from '../support/a-ledger.ts'
import { aCompletion, aDecision, aRequest, anActor, anEvent } from '../support/an-event.ts'

const partitions = 6
const producers = 8
const sessionsOfEach = 8
const eventsPerSend = 8
const lookMs = 5

interface Round {
  readonly perSecond: number
  /** Of the whole process. */
  readonly cpuUs: number
  /** Of the thread that seals: what one process can do at most is one core's worth of this. */
  readonly threadUs: number
}

/**
 * Kafka → sealed: a backlog of statements is sealed by one process as the product does it, which means checked, encrypted, hashed,
 * synced, signed, followed for gaps and published on `ledger.sealed`; the clock stops when the last one is durable. Beside it the
 * same with nothing published, and the same backlog read and thrown away. Rounds of the three alternate; the clock of each starts
 * with its first batch, since joining a group takes seconds.
 */
export async function measureKafkaToSealed(events: number, rounds: number): Promise<void> {
  await using kafka = await startKafka({
    skip(message?: string): void {
      throw new Error(message)
    },
  })
  if (kafka === null) return
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-bench-'))
  try {
    await using bus = await openKafkaBus({
      brokers: kafka.brokers,
      clientId: 'bench',
      tls: null,
      sasl: null,
      topics: [topics.auditEvents, topics.ledgerSealed].map((name) => ({
        name,
        partitions,
        retentionMs: 3_600_000,
      })),
      provision: { replication: 1, minInsyncReplicas: 1 },
      // As the product sends them: each record that is read or written has eight headers of CloudEvents.
      headersOf: (value) => cloudEventHeaders(value, { registryUrl: 'http://127.0.0.1:8080' }),
      logger: createLogger('silent'),
    })
    const bytes = await sendBacklog(bus, events)
    console.log(
      `Kafka → sealed, ${events} events of ${(bytes / events).toFixed(0)} bytes, ${partitions} partitions, ${producers * sessionsOfEach} sessions`,
    )
    const sealed: Round[] = []
    const unpublished: Round[] = []
    const read: Round[] = []
    // The first round of each warms up and does not count.
    for (let round = 0; round <= rounds; round += 1) {
      const own = await sealAll(bus, join(directory, String(round)), events)
      const alone = await sealAll(withoutProducer(bus), join(directory, `${round}-alone`), events)
      const raw = await readAll(bus, `raw-${round}`, events)
      if (round === 0) continue
      sealed.push(own)
      unpublished.push(alone)
      read.push(raw)
      console.log(
        `  round ${round}: sealed and published ${shown(own)}; sealed ${shown(alone)}; only read ${shown(raw)}`,
      )
    }
    console.log(
      `  median: sealed and published ${shown(medianOf(sealed))}; sealed ${shown(medianOf(unpublished))}; only read ${shown(medianOf(read))}`,
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Statements of many sessions side by side, each producer numbering and chaining its own. Returns their bytes. */
async function sendBacklog(bus: Bus, events: number): Promise<number> {
  let bytes = 0
  let left = events
  const produce = async (chain: ChainOfEvents): Promise<void> => {
    for (let turn = 0; left > 0; turn += 1) {
      const sessionId = `${chain.producer}-session-${turn % sessionsOfEach}`
      const count = Math.min(left, eventsPerSend)
      left -= count
      const records = Array.from({ length: count }, (_, at) => ({
        value: aStatementEvent(chain, sessionId, turn, at),
        headers: {},
      }))
      for (const { value } of records) bytes += value.length
      await bus.producer.send(topics.auditEvents, Buffer.from(sessionId), records)
    }
  }
  const chains = Array.from({ length: producers }, (_, at) => new ChainOfEvents(`edge-${at}`))
  await Promise.all(chains.map(produce))
  return bytes
}

/** By turns the receipt of a statement and its completion. */
function aStatementEvent(
  chain: ChainOfEvents,
  sessionId: string,
  turn: number,
  at: number,
): Buffer {
  const context = {
    session_id: sessionId,
    request_id: `${sessionId}.${turn}.${at >> 1}`,
    actor: anActor(),
    target: { name: 'shop', kind: 'postgres', address: '127.0.0.1:5432' },
    source: { address: '127.0.0.1', port: 40_000, tls: 'TLSv1.3' },
  }
  const request = aRequest('SELECT id, name, email FROM customers WHERE id = $1', {
    reads: ['public.customers'],
  })
  const { value } =
    at % 2 === 0
      ? chain.next({ ...context, type: 'request.received', request, decision: aDecision() })
      : chain.next({ ...context, type: 'request.completed', completion: aCompletion() })
  return value
}

async function sealAll(bus: Bus, directory: string, events: number): Promise<Round> {
  const options = {
    directory,
    operator: 'ledger.example',
    environment: 'bench',
    topic: topics.auditEvents,
    partitions,
    key: await createKeyFile(`${directory}.key`),
    clock: systemClock,
    logger: createLogger('error'),
    randomBytes,
  }
  await initLedger(options)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  // Nothing is missing, so nothing is recorded.
  const gaps: RecordScope = {
    context: anEvent(),
    record: () => ({ ok: true, producerSeq: 0 }),
  }
  const running = ledger.run(bus, stop.signal, gaps)
  const round = await timed(() => ledger.durableEntries - partitions, events)
  stop.abort()
  await running
  return round
}

async function readAll(bus: Bus, group: string, events: number): Promise<Round> {
  let seen = 0
  const stop = new AbortController()
  await using consumer = bus.consumer({
    group,
    topics: [topics.auditEvents],
    startAt: () => Promise.resolve('oldest'),
  })
  const running = consumer.run(({ records }) => {
    seen += records.length
    return Promise.resolve({ commit: (records.at(-1)?.offset ?? -1n) + 1n })
  }, stop.signal)
  const round = await timed(() => seen, events)
  stop.abort()
  await running
  return round
}

/** Takes what is published, and sends it nowhere. */
function withoutProducer(bus: Bus): Bus {
  return {
    producer: { send: () => Promise.resolve({ partition: 0, baseOffset: 0n }) },
    consumer: (options) => bus.consumer(options),
    partitionsOf: (topic) => bus.partitionsOf(topic),
    watermarks: (topic, partition) => bus.watermarks(topic, partition),
    committed: (group, topic, partition) => bus.committed(group, topic, partition),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** From the first look that sees something until all are there. */
async function timed(count: () => number, events: number): Promise<Round> {
  while (count() === 0) await pause(lookMs)
  const first = count()
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  const thread = process.threadCpuUsage()
  while (count() < events) await pause(lookMs)
  const measured = events - first
  const each = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / measured
  return {
    perSecond: measured / ((performance.now() - startedAt) / 1_000),
    cpuUs: each(process.cpuUsage(cpu)),
    threadUs: each(process.threadCpuUsage(thread)),
  }
}

function shown({ perSecond, cpuUs, threadUs }: Round): string {
  return `${Math.round(perSecond).toLocaleString('en')}/s (${cpuUs.toFixed(1)} µs of CPU an event, ${threadUs.toFixed(1)} in the main thread)`
}

function medianOf(rounds: readonly Round[]): Round {
  const middle = (numbers: readonly number[]): number =>
    numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0
  return {
    perSecond: middle(rounds.map(({ perSecond }) => perSecond)),
    cpuUs: middle(rounds.map(({ cpuUs }) => cpuUs)),
    threadUs: middle(rounds.map(({ threadUs }) => threadUs)),
  }
}
