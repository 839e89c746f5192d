import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'

import { CodecError, decodeEvent } from '../../schemas/codec.ts'
import { reasonWords } from '../../schemas/leaf.ts'
import type { Leaf } from '../../schemas/leaf.ts'
import type {
  Actor,
  AuditEvent,
  CompletionOutcome,
  DecisionPart,
  GapPart,
  Principal,
  RequestPart,
  SessionPart,
  Target,
} from '../../schemas/event.ts'
import type { EventType } from '../../schemas/event-types.ts'
import { approvalRemark, approversOf } from './approval-remark.ts'
import { codeChangeRemark } from './code-change-remark.ts'

/** A record as it was sealed: the value is exactly what the producer sent. */
export interface SealedRecord {
  readonly log: string
  readonly position: number
  readonly leafHash: Buffer
  readonly value: Buffer
  /** The ledger sealed it as mere bytes, whatever it looks like. */
  readonly quarantine?: Quarantine | null
}

/** Why a record was set aside, and the `topic/partition/offset` it came from. */
export interface Quarantine {
  readonly reason: string
  readonly source: string | null
}

export function quarantineOf(leaf: Leaf): Quarantine | null {
  if (leaf.type !== 'event' || leaf.ix.type !== 'quarantined') return null
  const { topic, part, off, ix } = leaf
  return { reason: ix.outcome ?? 'not_an_event', source: `${topic}/${part}/${off}` }
}

/** The key of the bytes a document was made of. A symbol: they cross no thread with it and are no part of its JSON. */
export const sealedValue = Symbol('the sealed bytes')

/**
 * What the index knows of one entry: plain data, so that it can cross threads and become JSON. Documents of one session may share their
 * actor and target.
 */
export interface IndexDocument {
  readonly [sealedValue]?: Buffer
  readonly log: string
  readonly position: number
  /** Base64, as in the next leaf's `prev`. */
  readonly leafHash: string
  /** SHA-256 of the value, base64: a producer's retry brings the same bytes again, under another position. */
  readonly digest: string
  /** `quarantined`: the value is not an event of a schema we know; everything that only an event can say is null or empty. */
  readonly type: EventType | 'quarantined'
  readonly eventId: string | null
  readonly occurredAtUs: number | null
  readonly producer: string | null
  readonly producerSeq: number | null
  readonly sessionId: string | null
  readonly requestId: string | null
  readonly actor: Actor | null
  readonly target: Target | null
  readonly sourceAddress: string | null
  readonly session: SessionPart | null
  readonly request: RequestView | null
  readonly decision: DecisionPart | null
  readonly completion: CompletionView | null
  readonly approval: ApprovalView | null
  /** Of `response.recorded`. */
  readonly chunk: number | null
  /** In a sentence, what the statement, if there is one, does not say: why a record was set aside, what is missing, who approved. */
  readonly remark: string | null
  /** Reasons and messages that are neither statement text nor a name. */
  readonly remarks: readonly string[]
}

interface RequestView {
  readonly operation: string
  readonly mode: string
  /** UTF-8; what is not valid UTF-8 is U+FFFD. */
  readonly text: string
  /** True when `text` is not what the bytes say, so only the entry shows them. */
  readonly hasReplacements: boolean
  readonly bytes: number
  readonly reads: readonly string[]
  readonly writes: readonly string[]
}

/** How many values of a data class went out masked. */
export interface MaskedCount {
  readonly dataClass: string
  readonly count: number
}

interface CompletionView {
  readonly outcome: CompletionOutcome
  /** The target's own words for what was done, such as `INSERT 0 5`; of several statements joined by `; `. */
  readonly commandTag: string | null
  readonly rows: number
  readonly bytesOut: number
  readonly durationUs: number
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly masked: readonly MaskedCount[]
  /** Which key made the tokens among them; null where there are none. */
  readonly tokenKeyId: string | null
}

interface ApprovalView {
  readonly approvalId: string
  /** Who gave the answer that the event is, or that it uses. */
  readonly approvers: readonly Principal[]
}

/** The document of an entry. Total: bytes that are no event become a document of type `quarantined`. */
export function documentOf(record: SealedRecord): IndexDocument {
  const place = {
    [sealedValue]: record.value,
    log: record.log,
    position: record.position,
    leafHash: record.leafHash.toString('base64'),
    digest: hash('sha256', record.value, 'base64'),
  }
  if (record.quarantine != null) return { ...place, ...setAside(record.quarantine) }
  try {
    return { ...place, ...contentOf(decodeEvent(record.value)) }
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    return { ...place, ...setAside({ reason: error.code, source: null }) }
  }
}

function setAside({ reason, source }: Quarantine): Content {
  const where = source === null ? '' : ` (${source})`
  return {
    ...blank,
    remark: `no event of ours: ${reasonWords(reason)}${where}`,
    remarks: source === null ? [reason] : [reason, source],
  }
}

type Content = Omit<IndexDocument, typeof sealedValue | 'log' | 'position' | 'leafHash' | 'digest'>

/** Of bytes that say nothing. */
export const blank: Content = {
  type: 'quarantined',
  eventId: null,
  occurredAtUs: null,
  producer: null,
  producerSeq: null,
  sessionId: null,
  requestId: null,
  actor: null,
  target: null,
  sourceAddress: null,
  session: null,
  request: null,
  decision: null,
  completion: null,
  approval: null,
  chunk: null,
  remark: null,
  remarks: [],
}

function contentOf(event: AuditEvent): Content {
  return {
    type: event.type,
    eventId: event.id,
    occurredAtUs: event.occurred_at,
    producer: event.producer,
    producerSeq: event.producer_seq,
    sessionId: event.session_id,
    requestId: event.request_id,
    actor: event.actor,
    target: event.target,
    sourceAddress: event.source?.address ?? null,
    session: event.session,
    request: event.request && requestView(event.request),
    decision: event.decision,
    completion: event.completion && {
      outcome: event.completion.outcome,
      commandTag: event.completion.command_tag,
      rows: event.completion.rows,
      bytesOut: event.completion.bytes_out,
      durationUs: event.completion.duration_us,
      errorCode: event.completion.error_code,
      errorMessage: event.completion.error_message,
      masked: event.completion.masked.map(({ data_class, count }) => ({
        dataClass: data_class,
        count,
      })),
      tokenKeyId: event.completion.token_key_id,
    },
    approval: event.approval && {
      approvalId: event.approval.approval_id,
      approvers: approversOf(event, event.approval).map(principalOf),
    },
    chunk: event.response?.chunk ?? null,
    remark:
      event.gap === null
        ? (approvalRemark(event) ?? codeChangeRemark(event) ?? reasonOf(event))
        : gapRemark(event.gap),
    remarks: remarksOf(event),
  }
}

function principalOf(principal: Principal): Principal {
  const { kind, subject, issuer, display } = principal
  return { kind, subject, issuer, display }
}

function requestView(request: RequestPart): RequestView {
  return {
    operation: request.operation,
    mode: request.mode,
    text: request.statement.toString('utf8'),
    hasReplacements: !isUtf8(request.statement),
    bytes: request.statement_bytes,
    reads: request.reads,
    writes: request.writes,
  }
}

/** Why somebody was not let in or was locked out, or a producer is not well. */
function reasonOf({ auth, edge }: AuditEvent): string | null {
  return auth?.reason ?? edge?.reason ?? null
}

function gapRemark({ reason, producer, from_seq, to_seq, records }: GapPart): string {
  const what = records === null ? 'number' : 'offset'
  const range = from_seq === to_seq ? `${what} ${from_seq}` : `${what}s ${from_seq} to ${to_seq}`
  return `${range} of ${producer}: ${reasonWords(reason)}`
}

/** A client that is refused is told the id of the decision. What just runs is not told one, so it is not found by it either. */
function toldDecisionId({ decision }: AuditEvent): string | null {
  if (decision === null) return null
  const { outcome, decision_id: id } = decision
  return outcome === 'block' || outcome === 'hold' ? id : null
}

function remarksOf(event: AuditEvent): readonly string[] {
  const remarks = [
    event.completion?.error_message,
    event.completion?.error_code,
    event.completion?.token_key_id,
    event.decision?.reason,
    toldDecisionId(event),
    event.session?.database,
    event.session?.role,
    event.session?.application,
    event.auth?.reason,
    event.credential?.user,
    event.edge?.reason,
    event.gap?.reason,
    event.gap?.producer,
    event.change?.what,
    codeChangeRemark(event),
    event.report?.control,
    event.report?.report_id,
    event.evidence?.reference,
    event.approval?.approval_id,
    event.approval?.answer?.reason,
    ...(event.approval?.requirements.map(({ rule_id: rule }) => rule) ?? []),
  ]
  return remarks.filter((remark) => remark !== null && remark !== undefined)
}
