import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import fastify from 'fastify'

import { cloudEventHeaders } from '../../../schemas/cloud-event.ts'
import { ownContext } from '../../../schemas/event.ts'
import type { EventContext } from '../../../schemas/event.ts'
import { registryRoutes } from '../../../services/api/routes/registry.ts'
import { openKafkaBus } from '../../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus, StoredRecord } from '../../../services/bus/bus.ts'
import { topics } from '../../../services/bus/topics.ts'
import type { EventDraft } from '../../../services/edge/capture/recorder.ts'
import { openRecorder } from '../../../services/edge/capture/spooled-recorder.ts'
import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../services/ledger/adapters/files/open.ts'
import { exportC2sp } from '../../../services/ledger/export.ts'
import { systemClock } from '../../../services/runtime/clock.ts'
import { createKeyFile } from '../../../services/runtime/key-file.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { ledgerOptions } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aResponse,
  aSession,
  anActor,
} from '../../support/an-event.ts'
import { plainOptions } from '../kafka-bus-fixture.ts'
import type { KafkaEngine } from '../kafka-engine.ts'
import { earlierEvents } from './earlier-events.ts'

/** Both topics as the product wrote them, with what an outsider needs to read and check them. */
export interface WrittenTopics extends AsyncDisposable {
  readonly brokers: string
  readonly registryUrl: string
  /** Holds each log as it was exported, in a directory of its origin. */
  readonly logs: string
  readonly records: Readonly<Record<'audit.events' | 'ledger.sealed', readonly WrittenRecord[]>>
}

export interface WrittenRecord extends StoredRecord {
  readonly partition: number
}

const partitions = 2

/** The recorder of an edge and the ledger write through the Kafka bus until everything is sealed; the registry answers on. */
export async function writeTopics(kafka: KafkaEngine, directory: string): Promise<WrittenTopics> {
  await using undo = new AsyncDisposableStack()
  const app = fastify()
  undo.defer(() => app.close())
  await app.register(registryRoutes)
  const registryUrl = await app.listen({ host: '127.0.0.1', port: 0 })

  const both = [topics.auditEvents, topics.ledgerSealed]
  const bus = undo.use(
    await openKafkaBus({
      ...plainOptions(kafka),
      topics: both.map((name) => ({ name, partitions, retentionMs: 3_600_000 })),
      headersOf: (value) => cloudEventHeaders(value, { registryUrl }),
    }),
  )
  await record(bus, directory)
  const logs = join(directory, 'logs')
  await sealAndExport(bus, directory, logs)
  const written = {
    'audit.events': await readAll(bus, topics.auditEvents),
    'ledger.sealed': await readAll(bus, topics.ledgerSealed),
  }
  const owned = undo.move()
  return {
    brokers: kafka.brokers.join(','),
    registryUrl,
    logs,
    records: written,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Events of every kind of part, in several sessions, one of each schema that is no longer written, and a record that is no event. */
async function record(bus: Bus, directory: string): Promise<void> {
  const recorder = await openRecorder({
    producer: 'edge outsider/ä',
    directory: join(directory, 'spool'),
    tenant: 'default',
    version: '0',
    key: await createKeyFile(join(directory, 'edge.key')),
    bus,
    clock: systemClock,
    logger: createLogger('silent'),
    role: 'edge',
  })
  for (let session = 0; session < 8; session += 1) {
    const scope = recorder.scope(contextOf(`session-${session}`))
    for (const draft of drafts(session)) {
      if (!scope.record(draft).ok) throw new Error(`${draft.type} was not taken`)
    }
  }
  await recorder.published()
  await recorder[Symbol.asyncDispose]()
  await bus.producer.send(topics.auditEvents, Buffer.from('edge-old'), [
    ...earlierEvents('edge-old').map((value) => ({ value, headers: {} })),
    { value: Buffer.from('not an event'), headers: {} },
  ])
}

function contextOf(session: string): EventContext {
  return {
    ...ownContext('default'),
    session_id: session,
    actor: anActor({ runtime: { name: 'agent', version: '1', model: null } }),
    target: { name: 'shop', kind: 'postgres', address: '10.0.0.1:5432' },
    source: { address: '127.0.0.1', port: 50_000, tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384' },
    purpose: 'Abgleich für März – 🧾',
    data_labels: ['pii', 'finance'],
    policy_digest: Buffer.alloc(32, 7),
    synthetic: true,
  }
}

function drafts(session: number): readonly EventDraft[] {
  const digest = Buffer.alloc(32, session)
  const request = aRequest(Buffer.concat([Buffer.from("SELECT '€', "), Buffer.alloc(300, 0xff)]), {
    parameters: [
      { format: 0, value: Buffer.from('7'), value_bytes: 1, value_sha256: null },
      { format: 1, value: null, value_bytes: -1, value_sha256: null },
      { format: 1, value: digest, value_bytes: 2 ** 40, value_sha256: digest },
    ],
    reads: ['public.orders', 'public."naïve"'],
    tool_call_id: 'call-1',
  })
  const many = Array.from({ length: 40 * session }, (_, at): EventDraft[] => [
    { type: 'request.received', request_id: `r-${at}`, request, decision: aDecision() },
    {
      type: 'request.completed',
      request_id: `r-${at}`,
      completion: aCompletion({
        masked: [{ data_class: 'email', count: 2 ** 33 }],
        token_key_id: '00112233445566aa',
        response_sha256: digest,
      }),
      response: aResponse({ content: Buffer.alloc(at * 20, at) }),
    },
  ])
  return [
    { type: 'session.started', session: aSession() },
    { type: 'auth.failed', auth: { method: 'scram', credential_id: 'c-1', reason: 'expired' } },
    ...many.flat(),
    {
      type: 'credential.issued',
      credential: {
        credential_id: 'c-1',
        user: 'u',
        token_id: null,
        expires_at: 1_800_000_000_000_000,
      },
    },
    {
      type: 'policy.published',
      change: {
        what: 'policy',
        digest,
        previous: null,
        content: request.statement,
        event_types: [],
      },
    },
    {
      type: 'report.generated',
      report: {
        report_id: 'au-2-2026-11',
        control: 'AU-2',
        revision: 1,
        bundle_sha256: digest,
        period_from: 0,
        period_to: 1_800_000_000_000_001,
        trigger: 'schedule',
      },
    },
    {
      type: 'evidence.viewed',
      evidence: { subject: 'entry', reference: 'log:1', query: null, results: 3 },
    },
    { type: 'session.ended', session: aSession({ outcome: 'closed', duration_us: 12 }) },
  ]
}

async function sealAndExport(bus: Bus, directory: string, logs: string): Promise<void> {
  const options = await ledgerOptions(directory, { partitions, randomBytes })
  await initLedger(options)
  {
    await using ledger = await openLedger(options)
    const stop = new AbortController()
    const running = ledger.run(bus, stop.signal)
    const sent = await countOf(bus, topics.auditEvents)
    await until(async () => (await countOf(bus, topics.ledgerSealed)) >= sent)
    stop.abort()
    await running
  }
  await using sealed = await openLedgerReader(options)
  for (const { origin } of await sealed.reader.logs()) {
    const to = join(logs, origin)
    await mkdir(dirname(to), { recursive: true })
    await exportC2sp(sealed.reader, origin, to)
  }
}

async function countOf(bus: Bus, topic: string): Promise<number> {
  let count = 0n
  for (let partition = 0; partition < partitions; partition += 1) {
    const { low, high } = await bus.watermarks(topic, partition)
    count += high - low
  }
  return Number(count)
}

async function readAll(bus: Bus, topic: string): Promise<readonly WrittenRecord[]> {
  const count = await countOf(bus, topic)
  const records: WrittenRecord[] = []
  const enough = new AbortController()
  await using consumer = bus.consumer({ group: 'expectation', topics: [topic] })
  await consumer.run(({ partition, records: batch }) => {
    for (const each of batch) {
      // Read when somebody asks for them: a copy has them only by name.
      const { headers, timestampMs } = each
      records.push({ ...each, headers, timestampMs, partition })
    }
    if (records.length >= count) enough.abort()
    return Promise.resolve({ commit: (batch.at(-1)?.offset ?? -1n) + 1n })
  }, enough.signal)
  return records
}
