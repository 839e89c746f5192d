import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { Client } from 'pg'
import type { DatabaseError } from 'pg'

import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { openKafkaBus } from '../../services/bus/adapters/kafka/kafka-bus.ts'
import { topics } from '../../services/bus/topics.ts'
import { OpenSearchIndex } from '../../services/indexer/adapters/opensearch/opensearch-index.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import { runCommand, startPart } from '../support/product-process.ts'
import type { RunningProduct } from '../support/product-process.ts'
import { untilTokenTold } from '../support/until-token-told.ts'
import { startKafka } from './kafka.ts'
import type { KafkaEngine } from './kafka.ts'
import { startOpenSearch } from './opensearch.ts'
import type { OpenSearchEngine } from './opensearch.ts'

/** Services and edge as two processes that share nothing but Kafka, a public key and a certificate. */
suite('the product on Kafka and OpenSearch, its edge apart', () => {
  const owned = new AsyncDisposableStack()
  let reason = ''
  let kafka: KafkaEngine | null = null
  let opensearch: OpenSearchEngine | null = null
  let deployment: Deployment
  let edgeFile: string
  let services: RunningProduct
  let edge: RunningProduct

  before(async () => {
    const t = { skip: (message?: string) => (reason = message ?? '') }
    kafka = await startKafka(t)
    opensearch = kafka === null ? null : await startOpenSearch(t)
    if (kafka === null || opensearch === null) return
    owned.use(kafka)
    owned.use(opensearch)
    const bus = `bus:
  kind: kafka
  partitions: 3
  kafka: { brokers: [${kafka.brokers.map((broker) => `"${broker}"`).join(', ')}], create_topics: true, replication: 1 }
`
    deployment = owned.use(
      await aDeployment({
        edge: ['tls: { certificate_file: ./public/edge.crt }', 'heartbeat_seconds: 1'],
        sections: `${bus}search: { kind: opensearch, opensearch: { nodes: ["${opensearch.url}"] } }\n`,
      }),
    )
    edgeFile = join(deployment.directory, 'edge.yaml')
    const text = (await readFile(deployment.configFile, 'utf8')).replace(
      '    durability:',
      `    audience: ${deployment.api}\n    token_passwords: true\n    durability:`,
    )
    await writeFile(deployment.configFile, text)
    const identity = text.slice(text.indexOf('identity:'), text.indexOf('edge:'))
    const targets = text.slice(text.indexOf('targets:'), text.indexOf('bus:'))
    await writeFile(
      edgeFile,
      `version: 1
tenant: faults
data: ./edge-data
edge:
  id: edge-7
  heartbeat_seconds: 1
  tls: { certificate_file: ./public/edge.crt, key_file: ./edge-data/keys/edge.pem }
control: { vkey_file: ./data/public/api.vkey }
${identity}${bus}${targets}`,
    )
  })
  after(() => owned.disposeAsync())

  test('an edge is prepared and started with what it was told, and nothing else', async (t) => {
    if (kafka === null || opensearch === null) return t.skip(reason)
    const early = await runCommand(['edge', '--config', edgeFile])
    assert.match(early.stderr, /holds no deployment yet; make one with: affidavit init --edge/)
    const made = await runCommand(['init', '--edge', '--config', edgeFile])
    assert.equal(made.status, 0, made.stderr)
    services = owned.use(
      await startPart(['up', '--without-edges', '--config', deployment.configFile], 'console '),
    )
    edge = owned.use(await startPart(['edge', '--config', edgeFile], 'target '))
  })

  test('a statement through that edge is sealed and found in OpenSearch', async (t) => {
    if (kafka === null || opensearch === null) return t.skip(reason)
    await using client = await connect()
    await client.query('INSERT INTO numbers VALUES (41)')
    const { rows } = await client.query<{ n: string }>('SELECT n FROM numbers WHERE n = 41')
    assert.deepEqual(rows, [{ n: '41' }])
    await found(opensearch, 'SELECT n FROM numbers WHERE n = 41')
  })

  test('a token is used at that edge or at the services, not at both', async (t) => {
    if (kafka === null || opensearch === null) return t.skip(reason)
    const taken = await deployment.tokenOf('olivia')
    const exchanged = await deployment.tokenOf('olivia')
    assert.equal(await signInByToken(taken), 'in')
    const response = await exchange(exchanged)
    assert.equal(response.status, 201)
    {
      // The edge knows this password: so it knows what it was exchanged for.
      await using _client = await connect((await response.json()) as SessionPassword)
      await using bus = await openKafkaBus({
        brokers: kafka.brokers,
        clientId: 'test',
        tls: null,
        sasl: null,
        topics: [{ name: topics.controlUpdates, partitions: 1, compacted: true }],
        provision: null,
        logger: createLogger('error'),
      })
      await untilTokenTold(bus, deployment.config.dataDirectory, taken)
    }
    assert.equal((await exchange(taken)).status, 409)
    assert.equal(await signInByToken(exchanged), '28P01')
    assert.equal(await signInByToken(await deployment.tokenOf('olivia')), 'in')
    assert.equal(await services.stop(), 0, services.said)
    services = owned.use(
      await startPart(['up', '--without-edges', '--config', deployment.configFile], 'console '),
    )
    assert.equal((await exchange(taken)).status, 409)
  })

  test('while the services are away the edge works on, and later all of it is sealed', async (t) => {
    if (kafka === null || opensearch === null) return t.skip(reason)
    {
      await using client = await connect()
      assert.equal(await services.stop(), 0, services.said)
      await client.query('INSERT INTO numbers VALUES (42)')
    }
    services = owned.use(
      await startPart(['up', '--without-edges', '--config', deployment.configFile], 'console '),
    )
    await found(opensearch, 'INSERT INTO numbers VALUES (42)')
  })

  test('an edge that was killed goes on where it was', async (t) => {
    if (kafka === null || opensearch === null) return t.skip(reason)
    {
      await using client = await connect()
      await client.query('INSERT INTO numbers VALUES (43)')
      await edge.kill()
    }
    edge = owned.use(await startPart(['edge', '--config', edgeFile], 'target '))
    // Its answer may not have been on disk yet; that it was asked was.
    await found(opensearch, 'INSERT INTO numbers VALUES (43)', ['ok', 'unknown'])
    {
      await using client = await connect()
      assert.deepEqual((await client.query('SELECT count(*)::int AS c FROM numbers')).rows, [
        { c: 3 },
      ])
    }
    assert.equal(await edge.stop(), 0, edge.said)
    assert.equal(await services.stop(), 0, services.said)
  })

  const exchange = (token: string): Promise<Response> =>
    fetch(new URL('/v1/credentials', deployment.api), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ target: 'numbers' }),
    })

  /** What the edge says to this token as a password: `in`, or the SQLSTATE. */
  const signInByToken = async (token: string): Promise<string | undefined> => {
    const client = new Client({
      host: '127.0.0.1',
      port: deployment.ports.edge,
      database: 'numbers',
      user: 'jwt',
      password: token,
      ssl: { ca: await readFile(join(deployment.directory, 'public', 'edge.crt'), 'utf8') },
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.end()
      return 'in'
    } catch (error) {
      return (error as DatabaseError).code
    }
  }

  /** As olivia, with what the api of the services said of an edge that it never met. */
  const connect = async (by?: SessionPassword): Promise<Client & AsyncDisposable> => {
    const session = by ?? (await deployment.sessionPassword())
    const client = new Client({
      host: session.host,
      port: session.port,
      database: session.database,
      user: session.user,
      password: session.password,
      ssl: { ca: session.ca_pem },
    })
    // An edge that is killed ends its sessions.
    client.on('error', () => undefined)
    await client.connect()
    return Object.assign(client, {
      [Symbol.asyncDispose]: async () => {
        await client.end().catch(() => undefined)
      },
    })
  }
})

async function found(
  engine: OpenSearchEngine,
  statement: string,
  outcomes: readonly string[] = ['ok'],
): Promise<void> {
  await using index = await OpenSearchIndex.open({
    nodes: [engine.url],
    username: null,
    password: null,
    ca: null,
    prefix: 'audit-events',
    logger: createLogger('error'),
  })
  for (;;) {
    const { hits } = await index.query.search({ text: `"${statement}"` })
    if (hits.some((hit) => hit.statement === statement && outcomes.includes(hit.outcome ?? '')))
      return
    await pause(200)
  }
}
