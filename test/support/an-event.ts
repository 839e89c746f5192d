import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'

import { encodeContext, encodeEvent, schemaId } from '../../schemas/codec.ts'
import type {
  Actor,
  ApprovalPart,
  AuditEvent,
  CompletionPart,
  DecisionPart,
  RequestPart,
  ResponsePart,
  SessionPart,
} from '../../schemas/event.ts'

/** Builders of events as an edge in front of PostgreSQL would send them. Whatever matters to a test is given. */
export function anEvent(given: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: uuidv7(),
    type: 'edge.heartbeat',
    schema_version: schemaId,
    occurred_at: Date.UTC(2026, 10, 25, 8) * 1000,
    producer: 'edge-1',
    producer_seq: 0,
    prev: Buffer.alloc(32),
    request_id: null,
    session_id: null,
    actor: null,
    target: null,
    source: null,
    purpose: null,
    data_labels: [],
    policy_digest: null,
    tenant: 'default',
    synthetic: false,
    session: null,
    auth: null,
    credential: null,
    request: null,
    decision: null,
    completion: null,
    response: null,
    edge: null,
    seal: null,
    gap: null,
    change: null,
    report: null,
    evidence: null,
    approval: null,
    ...given,
  }
}

/** The wire form, as it stands on the bus. */
export function encoded(event: AuditEvent): Buffer {
  const context = encodeContext(event)
  for (let size = 1024; ; size *= 2) {
    const buffer = Buffer.alloc(size)
    const end = encodeEvent(event, context, event, buffer, 0)
    if (end > 0) return buffer.subarray(0, end)
  }
}

/** What is asked of one approver. */
export function anApproval(given: Partial<ApprovalPart> = {}): ApprovalPart {
  return {
    approval_id: 'approval-1',
    edge: 'edge-1',
    binding_sha256: Buffer.alloc(32, 1),
    statement_sha256: Buffer.alloc(32, 2),
    parameters_sha256: Buffer.alloc(32, 3),
    database: 'shop',
    role: 'app',
    search_path: null,
    requirements: [
      { rule_id: 'deletes-need-two', role: 'approvers', approvers: 1, break_glass: null },
    ],
    expires_at: 1_764_000_000_000_000,
    answer: null,
    approvers: [],
    override: null,
    ...given,
  }
}

/** An agent with a person behind it. */
export function anActor(given: Partial<Actor> = {}): Actor {
  return {
    kind: 'agent',
    subject: 'agent-7',
    issuer: 'https://issuer.example',
    display: 'Ledger Agent',
    groups: ['agents'],
    on_behalf_of: [
      { kind: 'human', subject: 'u-1001', issuer: 'https://issuer.example', display: 'Olivia' },
    ],
    client: 'psql',
    runtime: null,
    ...given,
  }
}

export function aSession(given: Partial<SessionPart> = {}): SessionPart {
  return {
    protocol: 'postgres',
    database: 'shop',
    role: 'app',
    application: 'psql',
    outcome: null,
    requests: 0,
    bytes_in: 0,
    bytes_out: 0,
    duration_us: null,
    ...given,
  }
}

/** The part of a statement; length and digest follow from its text unless given. */
export function aRequest(
  statement: string | Buffer = 'SELECT 1',
  given: Partial<RequestPart> = {},
): RequestPart {
  const bytes = Buffer.from(statement as string)
  return {
    operation: 'select',
    mode: 'simple',
    statement: bytes,
    statement_bytes: bytes.length,
    statement_sha256: createHash('sha256').update(bytes).digest(),
    parameters: [],
    reads: [],
    writes: [],
    functions: [],
    tool_call_id: null,
    ...given,
  }
}

export function aDecision(given: Partial<DecisionPart> = {}): DecisionPart {
  return { decision_id: uuidv7(), outcome: 'allow', rule_ids: ['reads'], reason: null, ...given }
}

export function aCompletion(given: Partial<CompletionPart> = {}): CompletionPart {
  return {
    outcome: 'ok',
    command_tag: 'SELECT 1',
    rows: 1,
    bytes_in: 0,
    bytes_out: 12,
    error_code: null,
    error_message: null,
    duration_us: 1_500,
    response_sha256: null,
    masked: [],
    token_key_id: null,
    ...given,
  }
}

export function aResponse(given: Partial<ResponsePart> = {}): ResponsePart {
  return {
    chunk: 0,
    encoding: 'postgres',
    content: Buffer.from('row'),
    truncated: false,
    ...given,
  }
}
