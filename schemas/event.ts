/**
 * The events of the product, in the shape of `audit-event.avsc` (which see for the meaning of each field).
 * Field names are the Avro names, so nothing has to be mapped between the wire and the code.
 */

import type { EventType } from './event-types.ts'

export type ActorKind = 'unknown' | 'human' | 'agent' | 'service'

export interface Principal {
  readonly kind: ActorKind
  readonly subject: string
  readonly issuer: string
  readonly display: string | null
}

/** Who acts now; `on_behalf_of` holds the person first, then earlier actors (RFC 8693 `act`). */
export interface Actor extends Principal {
  readonly groups: readonly string[]
  readonly on_behalf_of: readonly Principal[]
  readonly client: string | null
  readonly runtime: AgentRuntime | null
}

export interface AgentRuntime {
  readonly name: string
  readonly version: string | null
  readonly model: string | null
}

export interface Target {
  readonly name: string
  readonly kind: string
  readonly address: string
}

export interface Source {
  readonly address: string
  readonly port: number
  readonly tls: string | null
}

/** What does not change during a session: encoded once, spliced into each of its events. */
export interface EventContext {
  readonly session_id: string | null
  readonly actor: Actor | null
  readonly target: Target | null
  readonly source: Source | null
  readonly purpose: string | null
  readonly data_labels: readonly string[]
  /** 32 bytes, SHA-256 of the policy file. */
  readonly policy_digest: Buffer | null
  readonly tenant: string
  readonly synthetic: boolean
}

/** The context of what a service does by itself, for nobody and with no target. */
export function ownContext(tenant: string): EventContext {
  return {
    session_id: null,
    actor: null,
    target: null,
    source: null,
    purpose: null,
    data_labels: [],
    policy_digest: null,
    tenant,
    synthetic: false,
  }
}

/** What the recorder fills in. `occurred_at` is in microseconds since 1970, UTC. */
export interface EventHead {
  readonly id: string
  readonly type: EventType
  readonly schema_version: number
  readonly occurred_at: number
  readonly producer: string
  readonly producer_seq: number
  /** 32 bytes. */
  readonly prev: Buffer
  readonly request_id: string | null
}

export interface EventParts {
  readonly session: SessionPart | null
  readonly auth: AuthPart | null
  readonly credential: CredentialPart | null
  readonly request: RequestPart | null
  readonly decision: DecisionPart | null
  readonly completion: CompletionPart | null
  readonly response: ResponsePart | null
  readonly edge: EdgePart | null
  readonly seal: SealPart | null
  readonly gap: GapPart | null
  readonly change: ChangePart | null
  readonly report: ReportPart | null
  readonly evidence: EvidencePart | null
  readonly approval: ApprovalPart | null
}

export interface AuditEvent extends EventHead, EventContext, EventParts {}

export interface SessionPart {
  readonly protocol: string
  readonly database: string | null
  readonly role: string | null
  readonly application: string | null
  readonly outcome: SessionOutcome | null
  readonly requests: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly duration_us: number | null
}

export type SessionOutcome =
  'closed' | 'expired' | 'revoked' | 'protocol_error' | 'target_lost' | 'edge_stopped' | 'unknown'

export interface AuthPart {
  readonly method: string
  readonly credential_id: string | null
  readonly reason: string | null
}

export interface CredentialPart {
  readonly credential_id: string
  readonly user: string
  readonly token_id: string | null
  readonly expires_at: number
}

export interface RequestPart {
  readonly operation: string
  readonly mode: 'simple' | 'extended' | 'copy' | 'function_call'
  readonly statement: Buffer
  readonly statement_bytes: number
  readonly statement_sha256: Buffer
  readonly parameters: readonly Parameter[]
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  readonly functions: readonly string[]
  readonly tool_call_id: string | null
}

export interface Parameter {
  readonly format: number
  readonly value: Buffer | null
  readonly value_bytes: number
  readonly value_sha256: Buffer | null
}

export type DecisionOutcome = 'allow' | 'block' | 'hold' | 'mask'

export interface DecisionPart {
  readonly decision_id: string
  readonly outcome: DecisionOutcome | 'unknown'
  readonly rule_ids: readonly string[]
  readonly reason: string | null
}

export type CompletionOutcome = 'unknown' | 'ok' | 'error' | 'cancelled' | 'refused'

export interface CompletionPart {
  readonly outcome: CompletionOutcome
  readonly command_tag: string | null
  readonly rows: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly error_code: string | null
  readonly error_message: string | null
  readonly duration_us: number
  readonly response_sha256: Buffer | null
  readonly masked: readonly { readonly data_class: string; readonly count: number }[]
  /** `tokenKeyId` of the edge; null where nothing became a token, and from producers before schema 4. */
  readonly token_key_id: string | null
}

export interface ResponsePart {
  readonly chunk: number
  readonly encoding: 'postgres' | 'copy'
  readonly content: Buffer
  readonly truncated: boolean
}

export interface EdgePart {
  readonly version: string
  readonly state: 'running' | 'degraded' | 'stopping'
  readonly reason: string | null
  readonly event_types: readonly string[]
  readonly sessions: number
  readonly spool_events: number
  readonly spool_bytes: number
  readonly refused: number
  readonly unrecorded: number
  readonly durability: string | null
  readonly clock_offset_us: number | null
  /** A `ProducerRole`; null from producers of schema 1. */
  readonly role: string | null
}

export interface SealPart {
  readonly head_seq: number
  readonly head_sha256: Buffer
  readonly vkey: string
  readonly signature: Buffer
}

/** Numbers of a producer that are missing or not sound; or, with `records`, offsets of a partition. */
export interface GapPart {
  readonly producer: string
  readonly from_seq: number
  readonly to_seq: number
  readonly reason: string
  readonly records: GapRecords | null
}

/** Records of the bus that were lost before they could be sealed, or that were sealed as bytes that are no event. */
export interface GapRecords {
  readonly topic: string
  readonly partition: number
  readonly from_offset: number
  /** The last one. */
  readonly to_offset: number
  readonly count: number
  /** Where this is sealed: the log, and the position of the first entry. */
  readonly log: string
  readonly position: number
}

export interface ChangePart {
  readonly what: string
  readonly digest: Buffer
  readonly previous: Buffer | null
  readonly content: Buffer | null
  readonly event_types: readonly string[]
}

export interface ReportPart {
  readonly report_id: string
  readonly control: string
  readonly revision: number
  readonly bundle_sha256: Buffer
  readonly period_from: number
  readonly period_to: number
  readonly trigger: 'schedule' | 'catch_up' | 'ad_hoc'
}

/** What an approval is asked, given, refused or used for. */
export interface ApprovalPart {
  readonly approval_id: string
  readonly edge: string
  /** 32 bytes each. */
  readonly binding_sha256: Buffer
  readonly statement_sha256: Buffer
  readonly parameters_sha256: Buffer
  readonly database: string
  readonly role: string
  readonly search_path: string | null
  readonly requirements: readonly {
    readonly rule_id: string
    readonly role: string
    readonly approvers: number
    /** Null: nobody may override it. */
    readonly break_glass: BreakGlassPart | null
  }[]
  readonly expires_at: number
  readonly answer: ApprovalAnswerPart | null
  /** Of `approval.used`: whose answers gave the grant. */
  readonly approvers: readonly Principal[]
  readonly override: OverridePart | null
}

export interface BreakGlassPart {
  readonly role: string
  readonly review_within_hours: number
}

/** The glass was broken: the hold was overridden by somebody behind the request, which another person reviews afterwards. */
export interface OverridePart {
  readonly by: Principal
  /** Until when it has to be reviewed; null in `approval.used`. */
  readonly due_at: number | null
  /** Of `override.reviewed`. */
  readonly verdict: OverrideVerdict | 'unknown' | null
}

export type OverrideVerdict = 'justified' | 'not_justified'

export interface ApprovalAnswerPart {
  readonly decision_id: string
  readonly reason: string
  readonly roles: readonly string[]
  readonly missing: number
}

export interface EvidencePart {
  readonly subject: 'session' | 'entry' | 'report' | 'search' | 'log' | 'approval' | 'lockout'
  readonly reference: string | null
  readonly query: string | null
  readonly results: number | null
}
