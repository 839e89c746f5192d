import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { v7 as uuidv7 } from 'uuid'

import { ownContext } from '../../schemas/event.ts'
import type { Bus } from '../bus/bus.ts'
import type { SpooledRecorder } from '../edge/capture/spooled-recorder.ts'
import { HeldRequests } from '../edge/guard/approvals/held-requests.ts'
import { ControlUpdates } from '../edge/guard/control-updates.ts'
import { IssuedCredentials } from '../edge/guard/issued-credentials.ts'
import { Lockouts } from '../edge/guard/lockouts.ts'
import { PolicyInForce } from '../edge/guard/policy-in-force.ts'
import { compilePolicy } from '../edge/guard/policy.ts'
import { loadGrammar } from '../edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../edge/postgres/facts/rule-policy.ts'
import { ScramPassword } from '../edge/postgres/protocol/scram.ts'
import type { TargetMasking } from '../edge/postgres/masking/target-masking.ts'
import type { TargetRoutines } from '../edge/postgres/routines/target-routines.ts'
import { approvalPart } from '../edge/postgres/holds/hold-gate.ts'
import { startPostgresEdge } from '../edge/postgres/proxy.ts'
import type { PostgresEdge } from '../edge/postgres/proxy.ts'
import type { PostgresTarget } from '../edge/postgres/target/target.ts'
import { parseVkey } from '../ledger/proof/note.ts'
import { systemClock } from '../runtime/clock.ts'
import type { EdgeConfig, TargetConfig } from '../runtime/config.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { groupOfStart } from './group-of-start.ts'
import { edgeCertificate } from './edge-certificate.ts'
import { openProducer } from './producers.ts'
import { startMasking } from './start-masking.ts'
import { startRoutines } from './start-routines.ts'
import { readPassword } from './secrets.ts'
import { startTokenPasswords } from './start-token-passwords.ts'

export interface EdgesOptions {
  readonly config: EdgeConfig
  readonly bus: Bus
  /** The verifier key of the api that sends control updates. */
  readonly apiVkey: string
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

export interface Edges {
  readonly policies: PolicyInForce
  readonly recorder: SpooledRecorder
  /** What clients are given to trust. */
  readonly certificatePem: string
  /** What masks at each target that has a classification, by the target's name. */
  readonly masking: ReadonlyMap<string, TargetMasking>
  /** What knows the code of users at each target, by the target's name. */
  readonly routines: ReadonlyMap<string, TargetRoutines>
  /** Sessions that run now, over all targets. */
  sessions(): number
}

/** Until the api has said which policy is in force, and has recorded it, no rule allows anything. */
const nothingAllowed = compilePolicy({
  name: null,
  rules: [],
  text: '',
  digest: hash('sha256', '', 'hex'),
})

/** One edge per target; all of them decide by the same policy and know the same session passwords. */
export async function startEdges(options: EdgesOptions): Promise<Edges> {
  const { config, bus, lifecycle, logger } = options
  const recorder = await openProducer(config, config.edge.id, 'edge', bus, lifecycle, logger)
  const { certificatePem, privateKeyPem } = await edgeCertificate(config)
  const credentials = new IssuedCredentials({ clock: systemClock })
  const lockouts = new Lockouts()
  const policies = new PolicyInForce(nothingAllowed)
  const tokens = await startTokenPasswords(config, logger)
  const held = new HeldRequests({
    edge: config.edge.id,
    clock: systemClock,
    newId: () => uuidv7(),
  })
  recordExpiries(held, recorder, config, lifecycle)
  const updates = new ControlUpdates({
    bus,
    group: groupOfStart(config.bus, `edge.${config.edge.id}.control`),
    verifyKey: parseVkey(options.apiVkey).key,
    credentials,
    usedTokens: tokens?.used ?? null,
    lockouts,
    policies,
    held,
    logger: logger.child({ part: 'control' }),
  })
  const following = updates.follow(lifecycle.signal)
  lifecycle.background('control updates', following.done)
  await following.caughtUp

  const grammar = await loadGrammar()
  const edges: PostgresEdge[] = []
  const masking = new Map<string, TargetMasking>()
  const routines = new Map<string, TargetRoutines>()
  for (const file of config.targets) {
    const target = await postgresTarget(file)
    const watched = { config, target, grammar, recorder, lifecycle, logger }
    const code = await startRoutines(watched)
    routines.set(target.name, code)
    const { classificationFile } = file
    if (classificationFile !== null) {
      const options = { config, target, classificationFile, grammar, lifecycle, logger }
      const masks = await startMasking(options)
      masking.set(target.name, masks)
      code.onChanged = () => masks.refreshNow()
    }
    edges.push(
      lifecycle.add(
        await startPostgresEdge({
          target,
          listen: { host: config.listen, port: file.port },
          tls: { certificate: certificatePem, key: privateKeyPem },
          guard: {
            credentials,
            tokens: tokens?.of(file) ?? null,
            lockouts,
            held,
            policy: new RulePolicy({ grammar, policies, clock: systemClock, masking, routines }),
          },
          recorder,
          clock: systemClock,
          logger: logger.child({ part: 'edge', target: target.name }),
          tenant: config.tenant,
        }),
      ),
    )
  }
  return {
    policies,
    recorder,
    certificatePem,
    masking,
    routines,
    sessions: () => edges.reduce((sum, edge) => sum + edge.sessions, 0),
  }
}

const expiryMs = 1_000

/** Records, for as long as the edge runs, what was asked and not answered or not used in time. */
function recordExpiries(
  held: HeldRequests,
  recorder: SpooledRecorder,
  { edge, tenant }: EdgeConfig,
  lifecycle: Lifecycle,
): void {
  const looking = setInterval(() => {
    held.expire((approval) => {
      const { actor, onBehalfOf } = approval.binding
      const scope = recorder.scope({
        ...ownContext(tenant),
        actor: {
          ...actor,
          display: null,
          groups: [],
          on_behalf_of: onBehalfOf.map((each) => ({ ...each, display: null })),
          client: null,
          runtime: null,
        },
      })
      const part = approvalPart(approval, edge.id)
      return scope.record({ type: 'approval.expired', approval: part }).ok
    })
  }, expiryMs)
  lifecycle.onStop(() => {
    clearInterval(looking)
    return Promise.resolve()
  })
}

/** How a target of the configuration is reached. */
export async function postgresTarget(target: TargetConfig): Promise<PostgresTarget> {
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
