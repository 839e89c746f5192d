import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { openKafkaBus, type KafkaBusOptions } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../../services/bus/bus.ts'
import { readOn } from '../../services/bus/read-on.ts'
import { topics } from '../../services/bus/topics.ts'
import { done, readRecords, texts, textsOf, withCode } from '../contracts/bus-probe.ts'
import { engineOfFile } from './engine-of-file.ts'
import type { KafkaEngine } from './kafka-engine.ts'
import type { KafkaSecurity, KafkaUser } from './kafka-security.ts'
import { findKafkaTools, type KafkaTools } from './kafka-tools.ts'
import { startKafka } from './kafka.ts'

const allTopics = [
  { name: topics.auditEvents, partitions: 2, retentionMs: 3_600_000 },
  { name: topics.ledgerSealed, partitions: 2, retentionMs: 3_600_000 },
  { name: topics.controlUpdates, partitions: 1, compacted: true },
]

const script = join(import.meta.dirname, '../../deploy/kafka/acls.sh')
const name = 'Kafka with SASL, TLS and ACLs'
const kafka = await engineOfFile(name, (t) => startKafka(t, { security: 'sasl' }))
const tools =
  kafka === null ? null : await engineOfFile(name, async (t) => holding(await findKafkaTools(t)))
if (kafka?.security !== undefined && kafka.security !== null && tools !== null) {
  secured(kafka, kafka.security, tools.held)
}

function secured(kafka: KafkaEngine, security: KafkaSecurity, tools: KafkaTools): void {
  before(async () => {
    const admin = await open(kafka, security, 'admin', {
      topics: allTopics,
      provision: { replication: 1, minInsyncReplicas: 1 },
    })
    await admin[Symbol.asyncDispose]()
    await grant(
      kafka,
      security,
      tools,
      ['edge', 'edge'],
      ['ledger', 'ledger'],
      ['indexer', 'indexer'],
      ['api', 'api'],
      ['webhooks', 'forwarder'],
    )
  })

  test('an edge writes events and reads control updates, and nothing else', async (t) => {
    const bus = await openFor(t, kafka, security, 'edge', [
      topics.auditEvents,
      topics.controlUpdates,
    ])
    await bus.producer.send(topics.auditEvents, Buffer.from('session'), texts('event'))
    const api = await openFor(t, kafka, security, 'api', [
      topics.auditEvents,
      topics.controlUpdates,
    ])
    await api.producer.send(topics.controlUpdates, Buffer.from('policy'), texts('update'))
    const group = 'edge.edge-1.control'
    const startAt = async (): Promise<'oldest'> => 'oldest'
    const read = await readRecords(bus, { group, topics: [topics.controlUpdates], startAt }, 1)
    assert.deepEqual(textsOf(read), ['update'])
    // In what edges report the api hears which tokens were used.
    const tokens = { group: 'api.tokens.1', topics: [topics.auditEvents], startAt }
    assert.deepEqual(textsOf(await readRecords(api, tokens, 1)), ['event'])

    await refuses(
      () => bus.producer.send(topics.controlUpdates, Buffer.from('k'), texts('forged')),
      'edge',
      'write',
      topics.controlUpdates,
    )
    await refuses(
      () => bus.producer.send(topics.ledgerSealed, Buffer.from('k'), texts('forged')),
      'edge',
      topics.ledgerSealed,
    )
    await refuses(
      () => runOnce(bus, 'edge.edge-1.spy', topics.auditEvents),
      'edge',
      'read',
      topics.auditEvents,
    )
    await refuses(() => runOnce(bus, 'ledger', topics.controlUpdates), 'edge', 'group ledger')
  })

  test('the ledger reads events and writes what it sealed; the indexer reads that', async (t) => {
    const edge = await openFor(t, kafka, security, 'edge', [
      topics.auditEvents,
      topics.controlUpdates,
    ])
    await edge.producer.send(topics.auditEvents, Buffer.from('session-2'), texts('second'))
    const ledger = await openFor(t, kafka, security, 'ledger', [
      topics.auditEvents,
      topics.ledgerSealed,
    ])
    const events = await readRecords(ledger, { group: 'ledger', topics: [topics.auditEvents] }, 1)
    assert.ok(events.length > 0)
    await ledger.producer.send(topics.ledgerSealed, Buffer.from('session-2'), texts('sealed'))
    const indexer = await openFor(t, kafka, security, 'indexer', [topics.ledgerSealed])
    const sealed = await readRecords(
      indexer,
      { group: 'indexer', topics: [topics.ledgerSealed] },
      1,
    )
    assert.deepEqual(textsOf(sealed), ['sealed'])
    await refuses(
      () => indexer.producer.send(topics.ledgerSealed, Buffer.from('k'), texts('forged')),
      'indexer',
      'write',
      topics.ledgerSealed,
    )
  })

  test('who tells webhooks reads what is sealed on from where it was, as groups of its own', async (t) => {
    const topic = topics.ledgerSealed
    const ledger = await openFor(t, kafka, security, 'ledger', [topics.auditEvents, topic])
    await ledger.producer.send(topic, Buffer.from('session-3'), texts('to tell'))
    const bus = await openFor(t, kafka, security, 'forwarder', [topic])
    const group = 'webhook-chat'
    const stop = new AbortController()
    let end = 0n
    let partition = 0
    await readOn({
      bus,
      group,
      topic,
      handle: async (batch) => {
        if (textsOf(batch.records).includes('to tell')) {
          end = done(batch).commit
          partition = batch.partition
          stop.abort()
        }
        return done(batch)
      },
      onMissed: ({ reason }) => assert.fail(reason),
      signal: stop.signal,
    })
    assert.equal(await bus.committed(group, topic, partition), end)
    await refuses(
      () => bus.producer.send(topic, Buffer.from('k'), texts('forged')),
      'forwarder',
      'write',
      topic,
    )
    await refuses(() => runOnce(bus, 'indexer', topic), 'forwarder', 'group indexer')
    await refuses(() => bus.committed('indexer', topic, partition), 'forwarder', 'group indexer')
  })

  test('a user without rights is refused by name, also where the client would only stop reading', async (t) => {
    await refuses(
      () => openFor(t, kafka, security, 'outsider', [topics.auditEvents]),
      'outsider',
      topics.auditEvents,
    )
  })

  test('a user who may neither see nor make a topic is told so', async (t) => {
    const opening = open(kafka, security, 'edge', {
      topics: [{ name: 'new.topic', partitions: 1, retentionMs: 1_000 }],
      provision: { replication: 1, minInsyncReplicas: 1 },
    })
    t.after(() => opening.then((bus) => bus[Symbol.asyncDispose]()).catch(() => undefined))
    await refuses(() => opening, 'edge', 'new.topic')
  })

  test('a wrong password is named at once, and the password is not', async () => {
    const log: string[] = []
    const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) })
    const password = 'not-the-password-1234'
    const opening = open(kafka, security, 'edge', { password, logger })
    await refuses(() => opening, 'edge', 'password')
    assert.ok(!log.join('').includes(password))
  })

  test('an unknown mechanism, or none, is told from a wrong password', async () => {
    await refuses(() => open(kafka, security, 'edge', { mechanism: 'plain' }), 'plain')
  })

  test('a CA that is missing or another is told from an unreachable broker', async () => {
    await refuses(() => open(kafka, security, 'edge', { ca: null }), 'certificate', 'CA')
  })

  test('a broker that nobody knows is unavailable, by its address', async () => {
    const brokers = ['127.0.0.1:1']
    const opening = open(kafka, security, 'edge', { brokers, patienceMs: 1_000 })
    await assert.rejects(opening, (error: Error) => {
      assert.ok(withCode('BUS_UNAVAILABLE')(error))
      assert.match(error.message, /127\.0\.0\.1:1\b.*ECONNREFUSED/)
      return true
    })
  })

  test('a client that does not sign in, or speaks no TLS, is refused at opening', async () => {
    const options = { ...optionsOf(kafka, security, 'edge', {}), sasl: null, patienceMs: 1_000 }
    const isRefused = (error: Error): boolean =>
      withCode('BUS_UNAVAILABLE')(error) || withCode('BUS_DENIED')(error)
    await assert.rejects(openKafkaBus(options), isRefused)
    await assert.rejects(openKafkaBus({ ...options, tls: null }), isRefused)
  })
}

interface Changes extends Partial<KafkaBusOptions> {
  readonly password?: string
  readonly mechanism?: 'plain'
  readonly ca?: null
}

function optionsOf(
  { brokers }: KafkaEngine,
  { ca, mechanism, passwords }: KafkaSecurity,
  user: KafkaUser,
  changes: Changes,
): KafkaBusOptions {
  const {
    password = passwords[user],
    mechanism: another = mechanism,
    ca: trusted = ca,
    ...rest
  } = changes
  return {
    brokers,
    clientId: `test-${user}`,
    tls: { ca: trusted, certificate: null, key: null },
    sasl: { mechanism: another, username: user, password },
    topics: [],
    provision: null,
    logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
    ...rest,
  }
}

function open(
  kafka: KafkaEngine,
  security: KafkaSecurity,
  user: KafkaUser,
  changes: Changes = {},
): Promise<Bus> {
  return openKafkaBus(optionsOf(kafka, security, user, changes))
}

async function openFor(
  t: TestContext,
  kafka: KafkaEngine,
  security: KafkaSecurity,
  user: KafkaUser,
  names: readonly string[],
): Promise<Bus> {
  const bus = await open(kafka, security, user, {
    topics: allTopics.filter((topic) => names.includes(topic.name)),
  })
  t.after(() => bus[Symbol.asyncDispose]())
  return bus
}

async function runOnce(bus: Bus, group: string, topic: string): Promise<void> {
  await using consumer = bus.consumer({ group, topics: [topic] })
  await consumer.run(async (batch) => done(batch), new AbortController().signal)
}

async function refuses(work: () => Promise<unknown>, ...parts: readonly string[]): Promise<void> {
  await assert.rejects(work, (error: Error) => {
    assert.ok(withCode('BUS_DENIED')(error), error.stack)
    for (const part of parts) assert.ok(error.message.includes(part), error.message)
    return true
  })
}

/** Runs the script that operators run, on Kafka's own tool. */
async function grant(
  kafka: KafkaEngine,
  security: KafkaSecurity,
  tools: KafkaTools,
  ...roles: readonly (readonly [role: string, user: KafkaUser])[]
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-acls-'))
  try {
    const acls = join(directory, 'kafka-acls.sh')
    const command = tools.command.map((part) => `'${part}'`).join(' ')
    await writeFile(acls, `#!/bin/sh\nexec ${command} org.apache.kafka.tools.AclCommand "$@"\n`, {
      mode: 0o700,
    })
    const trust = join(directory, 'ca.pem')
    await writeFile(trust, security.ca)
    const properties = join(directory, 'admin.properties')
    const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="${security.passwords.admin}";`
    await writeFile(
      properties,
      `security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=${jaas}\nssl.truststore.type=PEM\nssl.truststore.location=${trust}\n`,
      { mode: 0o600 },
    )
    for (const [role, user] of roles) {
      const place = ['--bootstrap-server', kafka.brokers.join(','), '--command-config', properties]
      await promisify(execFile)(script, [role, user, ...place], {
        env: { ...process.env, KAFKA_ACLS: acls },
      })
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function holding(
  held: KafkaTools | null,
): (AsyncDisposable & { readonly held: KafkaTools }) | null {
  return held && { held, [Symbol.asyncDispose]: () => Promise.resolve() }
}
