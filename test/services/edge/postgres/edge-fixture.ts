import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import pg from 'pg'
import { pino } from 'pino'

import { decodeEvent, encodeContext, encodeEvent } from '../../../../schemas/codec.ts'
import type { Actor, AuditEvent } from '../../../../schemas/event.ts'
import { typesOfRole } from '../../../../schemas/event-types.ts'
import type { EventType } from '../../../../schemas/event-types.ts'
import { deriveScramVerifier } from '../../../../schemas/scram-verifier.ts'
import { startEmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { RecordOutcome, Recorder } from '../../../../services/edge/capture/recorder.ts'
import type { Credential, CredentialStore } from '../../../../services/edge/guard/credentials.ts'
import { ScramPassword } from '../../../../services/edge/postgres/protocol/scram.ts'
import { startPostgresEdge } from '../../../../services/edge/postgres/proxy.ts'
import type { PostgresEdge, PostgresEdgeOptions } from '../../../../services/edge/postgres/proxy.ts'
import type {
  StatementPolicy,
  StatementRefusal,
} from '../../../../services/edge/postgres/statements/statement-policy.ts'
import type { PostgresTarget } from '../../../../services/edge/postgres/target/target.ts'
import { systemClock } from '../../../../services/runtime/clock.ts'
import { createSelfSignedCertificate } from '../../../../services/runtime/self-signed-certificate.ts'

export const anActor: Actor = {
  kind: 'agent',
  subject: 'agent-7',
  issuer: 'https://issuer.test',
  display: null,
  groups: [],
  on_behalf_of: [],
  client: null,
  runtime: null,
}

const scratch = Buffer.alloc(1024 * 1024)

// AU-2a: what an edge records is what `edge.started` says of it.
const saidToReport: ReadonlySet<string> = new Set(typesOfRole.edge)

/** Keeps events in memory, after they went through the real codec, so that none can be of the wrong shape. */
export class MemoryRecorder implements Recorder {
  readonly producer = 'edge-test'
  readonly events: AuditEvent[] = []
  /** What `record` answers instead of taking the event. */
  refusal: Exclude<RecordOutcome, { ok: true }>['reason'] | null = null
  /** Called by `durable`; a promise that is pending holds strict sessions. */
  untilDurable: () => Promise<void> = () => Promise.resolve()
  unrecorded = 0
  #waiting: { readonly isThere: () => boolean; readonly resolve: () => void }[] = []

  noteUnrecorded(): void {
    this.unrecorded += 1
  }

  writeOut(): void {
    // There is nothing between memory and the test.
  }

  afterWriteOut(then: () => void): void {
    setImmediate(then)
  }

  scope(context: Parameters<Recorder['scope']>[0]): ReturnType<Recorder['scope']> {
    const encoded = encodeContext(context)
    return {
      context,
      record: (draft) => {
        if (this.refusal !== null) return { ok: false, reason: this.refusal }
        const { type, request_id, occurred_at, ...parts } = draft
        if (!saidToReport.has(type)) throw new TypeError(`no edge says that it reports ${type}`)
        const head = {
          id: '',
          type,
          schema_version: 1,
          occurred_at: occurred_at ?? systemClock.nowUs(),
          producer: this.producer,
          producer_seq: this.events.length,
          prev: Buffer.alloc(32),
          request_id: request_id ?? null,
        }
        const end = encodeEvent(head, encoded, parts, scratch, 0)
        // A copy: the Buffers of a decoded event lie in what it was decoded from.
        this.events.push(decodeEvent(Buffer.from(scratch.subarray(0, end))))
        this.#waiting = this.#waiting.filter(({ isThere, resolve }) => {
          if (!isThere()) return true
          resolve()
          return false
        })
        return { ok: true, producerSeq: head.producer_seq }
      },
    }
  }

  durable(): Promise<void> {
    return this.untilDurable()
  }

  published(): Promise<void> {
    return Promise.resolve()
  }

  of(type: EventType): AuditEvent[] {
    return this.events.filter((event) => event.type === type)
  }

  /** Resolves when there are `count` events of this type. */
  async until(type: EventType, count = 1): Promise<AuditEvent[]> {
    const isThere = (): boolean => this.of(type).length >= count
    if (!isThere()) await new Promise<void>((resolve) => this.#waiting.push({ isThere, resolve }))
    return this.of(type)
  }

  /** Each statement with what became of it, in the order they came. */
  requests(): RecordedRequest[] {
    return this.of('request.received').map((received) => {
      const completions = this.of('request.completed').filter(
        (event) => event.request_id === received.request_id,
      )
      return {
        id: received.request_id ?? '',
        operation: received.request?.operation ?? '',
        mode: received.request?.mode ?? '',
        text: received.request?.statement.toString('utf8') ?? '',
        parameters: (received.request?.parameters ?? []).map(
          ({ value }) => value?.toString('utf8') ?? null,
        ),
        decision: received.decision?.outcome ?? '',
        completions: completions.length,
        completion: completions[0]?.completion ?? null,
        response: completions[0]?.response ?? null,
      }
    })
  }
}

export interface RecordedRequest {
  readonly id: string
  readonly operation: string
  readonly mode: string
  readonly text: string
  readonly parameters: readonly (string | null)[]
  readonly decision: string
  readonly completions: number
  readonly completion: AuditEvent['completion']
  readonly response: AuditEvent['response']
}

export class MemoryCredentials implements CredentialStore {
  readonly #byUser = new Map<string, Credential>()
  readonly #listeners = new Set<(credentialId: string) => void>()
  readonly #revoked = new Set<string>()

  issue(user: string, password: string, changes: Partial<Credential> = {}): void {
    this.#byUser.set(user, {
      credentialId: `credential-of-${user}`,
      means: 'session password',
      verifier: deriveScramVerifier(password, randomBytes(16)),
      actor: anActor,
      purpose: null,
      target: 'orders',
      database: null,
      expiresAtMs: Date.now() + 3_600_000,
      isRevoked: false,
      ...changes,
    })
  }

  revoke(credentialId: string): void {
    this.#revoked.add(credentialId)
    for (const listener of this.#listeners) listener(credentialId)
  }

  lookup(user: string): Promise<Credential | null> {
    return Promise.resolve(this.#byUser.get(user) ?? null)
  }

  isRevoked(credentialId: string): boolean {
    return this.#revoked.has(credentialId)
  }

  onRevoked(listener: (credentialId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Decides by what stands in the text: enough to drive the relay, whose matter this is not. */
export class TextPolicy implements StatementPolicy {
  digest = randomBytes(32)
  decided = 0

  decide(text: string): ReturnType<StatementPolicy['decide']> {
    this.decided++
    const refusal = refusalOf(text)
    const words = text.trim().split(/\s+/)
    const first = (words[0] ?? '').toLowerCase()
    return {
      refusal,
      ruleIds: [refusal === null ? 'all' : refusal.kind === 'syntax' ? 'unparseable' : 'no-drop'],
      reason: null,
      operation: first === '' ? 'empty' : first,
      reads: [],
      writes: [],
      functions: [],
      names:
        first === 'deallocate'
          ? [{ of: 'statement', name: words[1] === 'ALL' ? null : (words[1] ?? null) }]
          : [],
      settles: text.includes('settles'),
      runsCodeOfUsers: text.includes('of_users('),
      mask: null,
    }
  }
}

function refusalOf(text: string): StatementRefusal | null {
  if (/drop\s+table/i.test(text)) return { kind: 'blocked', message: 'DROP TABLE is not allowed' }
  const at = text.search(/selct/i)
  if (at < 0) return null
  return { kind: 'syntax', message: 'syntax error at or near "selct"', position: at + 1 }
}

export interface TestEdge extends AsyncDisposable {
  readonly edge: PostgresEdge
  readonly recorder: MemoryRecorder
  readonly credentials: MemoryCredentials
  readonly policy: TextPolicy
  /** For node-postgres. */
  readonly client: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
    readonly ssl: { readonly ca: string } | false
  }
}

export const password = 'a session password of the tests'

/** A real PostgreSQL in a directory of its own, for all tests of a file. */
export async function startTarget(): Promise<EmbeddedPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-postgres-'))
  const server = await startEmbeddedPostgres({ directory, port: await freePort() })
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export async function startEdge(
  server: EmbeddedPostgres,
  changes: {
    readonly target?: Partial<PostgresTarget>
    readonly options?: Partial<PostgresEdgeOptions>
    readonly plain?: boolean
    readonly guard?: Partial<PostgresEdgeOptions['guard']>
  } = {},
): Promise<TestEdge> {
  const recorder = new MemoryRecorder()
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password)
  const policy = new TextPolicy()
  const certificate = createSelfSignedCertificate({
    commonName: 'edge of the tests',
    names: ['localhost', '127.0.0.1'],
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  })
  const edge = await startPostgresEdge({
    target: {
      name: 'orders',
      address: server.host,
      port: server.port,
      tls: { mode: 'verify-full', ca: server.ca },
      database: 'postgres',
      user: server.superuser,
      password: new ScramPassword(server.superuserPassword),
      durability: 'batched',
      onAuditFailure: 'refuse',
      recordResultsBytes: 64 * 1024,
      dataLabels: [],
      ...changes.target,
    },
    listen: { host: '127.0.0.1', port: 0 },
    tls:
      changes.plain === true
        ? null
        : { certificate: certificate.certificatePem, key: certificate.privateKeyPem },
    guard: { credentials, policy, ...changes.guard },
    recorder,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    tenant: 'tests',
    ...changes.options,
  })
  return {
    edge,
    recorder,
    credentials,
    policy,
    client: {
      host: '127.0.0.1',
      port: edge.address.port,
      user: 'agent',
      password,
      database: 'postgres',
      ssl: changes.plain === true ? false : { ca: certificate.certificatePem },
    },
    [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
  }
}

/** Straight to the target, past the edge. The caller ends it. */
export async function directClient(server: EmbeddedPostgres): Promise<pg.Client> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.superuserPassword,
    database: 'postgres',
  })
  await client.connect()
  return client
}

/** Resolves when a session of an edge is in this state at the target, by the target's own word. */
export async function untilTarget(server: EmbeddedPostgres, condition: string): Promise<void> {
  const client = await directClient(server)
  try {
    for (;;) {
      const { rows } = await client.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'gw/%' AND ${condition}`,
      )
      if (rows.length > 0) return
      await delay(10)
    }
  } finally {
    await client.end()
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
