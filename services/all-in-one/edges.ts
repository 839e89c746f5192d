import { createPublicKey, hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import type { Bus } from '../bus/bus.ts'
import type { Recorder } from '../edge/capture/recorder.ts'
import { ControlUpdates } from '../edge/guard/control-updates.ts'
import { IssuedCredentials } from '../edge/guard/issued-credentials.ts'
import { PolicyInForce } from '../edge/guard/policy-in-force.ts'
import { compilePolicy } from '../edge/guard/policy.ts'
import { loadGrammar } from '../edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../edge/postgres/facts/rule-policy.ts'
import { ScramPassword } from '../edge/postgres/protocol/scram.ts'
import { startPostgresEdge } from '../edge/postgres/proxy.ts'
import type { PostgresEdge } from '../edge/postgres/proxy.ts'
import type { PostgresTarget } from '../edge/postgres/target.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Config, TargetConfig } from '../runtime/config.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { readPassword } from './secrets.ts'

export interface EdgesOptions {
  readonly config: Config
  readonly bus: Bus
  readonly recorder: Recorder
  readonly apiPublicKey: Buffer
  readonly certificate: { readonly certificatePem: string; readonly privateKeyPem: string }
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

export interface Edges {
  readonly policies: PolicyInForce
  /** Sessions that run now, over all targets. */
  sessions(): number
}

// Until the api has said which policy is in force, and has recorded it, no rule allows anything.
const nothingAllowed = compilePolicy({
  name: null,
  rules: [],
  text: '',
  digest: hash('sha256', '', 'hex'),
})

/** One edge per target; all of them decide by the same policy and know the same session passwords. */
export async function startEdges(options: EdgesOptions): Promise<Edges> {
  const { config, bus, lifecycle, logger } = options
  const credentials = new IssuedCredentials({ clock: systemClock })
  const policies = new PolicyInForce(nothingAllowed)
  const updates = new ControlUpdates({
    bus,
    edge: config.edge.id,
    verifyKey: ed25519PublicKey(options.apiPublicKey),
    credentials,
    policies,
    logger: logger.child({ part: 'control' }),
  })
  lifecycle.background('control updates', updates.run(lifecycle.signal))
  await updates.caughtUp

  const grammar = await loadGrammar()
  const edges: PostgresEdge[] = []
  for (const target of config.targets) {
    edges.push(
      lifecycle.add(
        await startPostgresEdge({
          target: await postgresTarget(target),
          listen: { host: config.listen, port: target.port },
          tls: {
            certificate: options.certificate.certificatePem,
            key: options.certificate.privateKeyPem,
          },
          guard: { credentials, policy: new RulePolicy({ grammar, policies, clock: systemClock }) },
          recorder: options.recorder,
          clock: systemClock,
          logger: logger.child({ part: 'edge', target: target.name }),
          tenant: config.tenant,
        }),
      ),
    )
  }
  return { policies, sessions: () => edges.reduce((sum, edge) => sum + edge.sessions, 0) }
}

async function postgresTarget(target: TargetConfig): Promise<PostgresTarget> {
  const { mode, caFile } = target.tls
  return {
    name: target.name,
    address: target.host,
    port: target.hostPort,
    tls:
      mode === 'disable'
        ? { mode }
        : { mode, ca: caFile === null ? null : await readFile(caFile, 'utf8') },
    database: target.database,
    user: target.user,
    password: new ScramPassword(await readPassword(target.passwordFile)),
    durability: target.durability,
    onAuditFailure: target.onAuditFailure,
    recordResultsBytes: target.recordResultsBytes,
    dataLabels: [],
  }
}

function ed25519PublicKey(publicKey: Buffer) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}
