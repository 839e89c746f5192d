import type { AuditEvent } from '../schemas/event.ts'
import type { EventLeaf } from '../schemas/leaf.ts'

/** An event of a population as it was sealed. `event` is null when its payload was erased: then the leaf is all there is. */
export interface PopulationEvent {
  readonly log: string
  readonly position: number
  readonly leaf: EventLeaf
  readonly leafHash: Buffer
  readonly event: AuditEvent | null
}

/**
 * Columns of `population/events.csv`. The ledger index is the pair (log, position). The last three are there so that anyone can
 * follow the sample's strata and join a decision to its completion.
 */
export const populationColumns = [
  'log',
  'ledger_index',
  'event_id',
  'producer',
  'producer_seq',
  'session_id',
  'event_type',
  'schema_version',
  'occurred_at',
  'received_at',
  'actor_id',
  'actor_kind',
  'on_behalf_of',
  'agent_runtime',
  'target_id',
  'operation',
  'outcome',
  'decision_id',
  'source_addr',
  'synthetic',
  'leaf_hash',
  'request_id',
  'protocol',
  'risk_tier',
] as const

export function populationRow(given: PopulationEvent): readonly string[] {
  const { log, position, leaf, leafHash, event } = given
  const actor = event?.actor ?? null
  const runtime = actor?.runtime ?? null
  return [
    log,
    String(position),
    leaf.evt,
    leaf.prod,
    String(leaf.pseq),
    event?.session_id ?? '',
    leaf.ix.type,
    event === null ? '' : String(event.schema_version),
    leaf.et,
    leaf.rt,
    actor?.subject ?? '',
    actor?.kind ?? '',
    (actor?.on_behalf_of ?? []).map(({ subject }) => subject).join(' '),
    runtime === null ? '' : [runtime.name, runtime.version, runtime.model].join('/'),
    event?.target?.name ?? '',
    event?.request?.operation ?? '',
    leaf.ix.outcome ?? '',
    event?.decision?.decision_id ?? '',
    event?.source?.address ?? '',
    event === null ? '' : String(event.synthetic),
    leafHash.toString('hex'),
    event?.request_id ?? '',
    protocolOf(event),
    riskTierOf(given),
  ]
}

/** `none` is what services do by themselves. */
export function protocolOf(event: AuditEvent | null): string {
  if (event === null) return 'erased'
  return event.target?.kind ?? event.session?.protocol ?? 'none'
}

export type RiskTier = 'refused' | 'high' | 'medium' | 'low'

const refusedTypes: ReadonlySet<string> = new Set([
  'auth.failed',
  'access.denied',
  'approval.denied',
])
const highTypes: ReadonlySet<string> = new Set([
  'gap.detected',
  'policy.published',
  'config.changed',
  'edge.degraded',
  'access.granted',
  'access.revoked',
])
const highOperations =
  /(^|,)(drop|alter|create|truncate|grant|revoke|reassign|load|do|unparsed|unknown)(_|,|$)/
const mediumOperations =
  /(^|,)(insert|update|delete|merge|copy|call|execute|function_call|refresh)(_|,|$)/

/** What was refused comes first: few in number, and what a reader asks for. */
export function riskTierOf({ leaf, event }: PopulationEvent): RiskTier {
  const outcome = leaf.ix.outcome ?? ''
  if (refusedTypes.has(leaf.ix.type) || ['block', 'hold', 'refused'].includes(outcome)) {
    return 'refused'
  }
  const operation = event?.request?.operation ?? ''
  if (highTypes.has(leaf.ix.type) || highOperations.test(operation)) return 'high'
  if (mediumOperations.test(operation) || outcome === 'error') return 'medium'
  return 'low'
}
