/** In the order of the schema's symbols: a new one is added at the end, since readers of older events go by the number. */
export const eventTypes = [
  'session.started',
  'session.ended',
  'auth.succeeded',
  'auth.failed',
  'access.granted',
  'access.revoked',
  'access.denied',
  'credential.issued',
  'request.received',
  'request.decided',
  'request.completed',
  'response.recorded',
  'approval.requested',
  'approval.granted',
  'approval.denied',
  'approval.expired',
  'approval.used',
  'policy.published',
  'config.changed',
  'edge.started',
  'edge.stopped',
  'edge.heartbeat',
  'edge.sealed',
  'edge.degraded',
  'edge.recovered',
  'gap.detected',
  'canary.executed',
  'review.completed',
  'report.generated',
  'report.signed',
  'report.downloaded',
  'evidence.viewed',
  'evidence.searched',
  'evidence.exported',
  'retention.expired',
  'retention.held',
  'retention.erased',
  'account.registered',
  'account.owner_set',
  'account.disabled',
  'parameter.set',
  'attestation.added',
  'attestation.expired',
  'exception.granted',
  'exception.expired',
  'deviation.approved',
  'finding.raised',
  'finding.triaged',
  'finding.closed',
  'alert.sent',
  'alert.delivered',
  'native-session.observed',
  'approval.overridden',
  'override.reviewed',
  'override.overdue',
] as const

const ownTypes = [
  'edge.started',
  'edge.stopped',
  'edge.heartbeat',
  'edge.sealed',
  'edge.degraded',
  'edge.recovered',
] as const

/**
 * What the producers of this release can report, by what they are (AU-2a, AU-12a). Types in none of these lists have their place in
 * the schema and come with later releases.
 */
export const typesOfRole = {
  edge: [
    ...ownTypes,
    'config.changed',
    'session.started',
    'session.ended',
    'auth.succeeded',
    'auth.failed',
    'access.denied',
    'request.received',
    'request.decided',
    'request.completed',
    'response.recorded',
    'approval.requested',
    'approval.expired',
    'approval.used',
  ],
  api: [
    ...ownTypes,
    'auth.succeeded',
    'auth.failed',
    'access.denied',
    'access.granted',
    'access.revoked',
    'credential.issued',
    'approval.granted',
    'approval.denied',
    'approval.overridden',
    'override.reviewed',
    'override.overdue',
    'policy.published',
    'config.changed',
    'report.downloaded',
    'evidence.viewed',
    'evidence.searched',
    'alert.sent',
    'alert.delivered',
  ],
  reporter: [...ownTypes, 'report.generated'],
  ledger: [...ownTypes, 'gap.detected'],
} as const satisfies Readonly<Record<string, readonly (typeof eventTypes)[number][]>>

export type ProducerRole = keyof typeof typesOfRole

/** Every type that some producer of this release can report. */
export const reportableTypes: readonly (typeof eventTypes)[number][] = eventTypes.filter((type) =>
  Object.values(typesOfRole).some((types: readonly string[]) => types.includes(type)),
)

/** `unknown` is what a reader sees of a type that is younger than its schema. */
export type EventType = (typeof eventTypes)[number] | 'unknown'
