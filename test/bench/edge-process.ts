/**
 * The edge in a process of its own, as in production: listener, recorder with its spool, publisher and the embedded bus with its
 * writer. Started by fork: the first message is an `EdgeOrder`, the answer an `EdgeReady`; it ends when its parent lets go of it.
 */
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { Principal } from '../../schemas/event.ts'
import { deriveScramVerifier } from '../../schemas/scram-verifier.ts'
import { openEmbeddedBus } from '../../services/bus/adapters/embedded/embedded-bus.ts'
import { topics } from '../../services/bus/topics.ts'
import { openRecorder } from '../../services/edge/capture/spooled-recorder.ts'
import { IssuedCredentials } from '../../services/edge/guard/issued-credentials.ts'
import { PolicyInForce } from '../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../services/edge/postgres/facts/rule-policy.ts'
import { ScramPassword } from '../../services/edge/postgres/protocol/scram.ts'
import type { TargetMasking } from '../../services/edge/postgres/masking/target-masking.ts'
import { startPostgresEdge } from '../../services/edge/postgres/proxy.ts'
import type { PostgresTarget } from '../../services/edge/postgres/target/target.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { createKeyFile } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { maskingOf, policyOf } from './edge-guard.ts'
import type { GuardOfBench, MaskOfBench } from './edge-guard.ts'
import type { Place } from './edge-pgbench.ts'

export interface EdgeOrder {
  readonly directory: string
  readonly durability: 'strict' | 'batched'
  readonly recordResultsBytes: number
  readonly guard: GuardOfBench
  readonly mask: MaskOfBench
  readonly target: Place
  /** Who may sign in at the edge. */
  readonly user: string
  readonly password: string
}

export interface EdgeReady {
  readonly port: number
}

/** What the parent asks when a run is over: how many events are not on the bus yet. */
export interface EdgeBacklog {
  readonly recorded: number
  readonly waiting: number
  readonly notTaken: number
}

const person: Principal = {
  kind: 'human',
  subject: 'erika@example.com',
  issuer: 'https://issuer.example.com',
  display: 'Erika Mustermann',
}

async function serve(order: EdgeOrder, disposables: AsyncDisposableStack): Promise<void> {
  const { directory, target } = order
  await mkdir(directory, { mode: 0o700 })
  const logger = createLogger('warn')
  const bus = disposables.use(
    await openEmbeddedBus({
      file: join(directory, 'bus.sqlite'),
      topics: [{ name: topics.auditEvents, partitions: 4 }],
      logger,
    }),
  )
  const recorder = disposables.use(
    await openRecorder({
      producer: 'edge-1',
      directory: join(directory, 'spool'),
      tenant: 'bench',
      version: 'bench',
      key: await createKeyFile(join(directory, 'edge.key')),
      bus,
      clock: systemClock,
      logger,
    }),
  )
  const credentials = new IssuedCredentials({ clock: systemClock })
  credentials.issue({
    kind: 'credential',
    version: Date.now(),
    credential_id: 'credential-1',
    user: order.user,
    verifier: deriveScramVerifier(order.password, Buffer.alloc(16, 7)),
    actor: {
      kind: 'agent',
      subject: 'agent-7',
      issuer: 'https://issuer.example.com',
      display: 'Bank agent',
      groups: ['agents'],
      on_behalf_of: [person],
      client: null,
      runtime: null,
    },
    purpose: null,
    target: 'bank',
    database: null,
    expires_at: Date.now() + 86_400_000,
  })
  const bank: PostgresTarget = {
    name: 'bank',
    address: '127.0.0.1',
    port: target.port,
    tls: { mode: 'disable' },
    database: target.database,
    user: target.user,
    password: new ScramPassword(target.password),
    durability: order.durability,
    onAuditFailure: 'refuse',
    recordResultsBytes: order.recordResultsBytes,
    dataLabels: ['bank'],
  }
  const grammar = await loadGrammar()
  const masking = new Map<string, TargetMasking>()
  if (order.guard === 'full') {
    const ofBank = await maskingOf(bank, order.mask, grammar, logger)
    masking.set(bank.name, ofBank)
    const stop = new AbortController()
    const running = ofBank.run(stop.signal)
    disposables.defer(async () => {
      stop.abort()
      await running
    })
  }
  const edge = disposables.use(
    await startPostgresEdge({
      target: bank,
      listen: { host: '127.0.0.1', port: 0 },
      tls: null,
      guard: {
        credentials,
        policy: new RulePolicy({
          grammar,
          policies: new PolicyInForce(policyOf(order.guard)),
          clock: systemClock,
          masking,
        }),
      },
      recorder,
      clock: systemClock,
      logger,
      tenant: 'bench',
    }),
  )
  process.send?.({ port: edge.address.port } satisfies EdgeReady)
  process.on('message', () => {
    const { recorded, spoolEvents, notTaken } = recorder.stats()
    process.send?.({ recorded, waiting: spoolEvents, notTaken } satisfies EdgeBacklog)
  })
}

const disposables = new AsyncDisposableStack()
const left = once(process, 'disconnect')
const [order] = (await once(process, 'message')) as [EdgeOrder]
try {
  await serve(order, disposables)
  await left
} finally {
  await disposables.disposeAsync()
}
