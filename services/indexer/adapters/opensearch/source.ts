import { hash } from 'node:crypto'

import { blank } from '../../documents.ts'
import type { IndexDocument } from '../../documents.ts'
import { decisionsOf, isStatementPart } from '../../statement.ts'
import type { Completed, Decided } from '../../statement.ts'
import { approverNames, kinds, relationNames } from '../../terms.ts'
import type { Json } from './bulk-body.ts'
import { contextMembers, termOrAbsent } from './context-members.ts'
import type { Context, ContextMembers } from './context-members.ts'
import { exactTerm, foldedTerm } from './exact-term.ts'

/** A document and the time it stands at: its own, or for bytes that are no event that of the entry before. */
export interface Timed {
  readonly document: IndexDocument
  readonly occurredUs: number
  /** What it has in common with others of its session. */
  readonly context: ContextMembers
  /** The statement it is a part of; null where there is none. */
  readonly statementKey: string | null
  /** The same for copies of the same bytes; bytes that are no event are copies of nothing. */
  readonly tie: number
}

export function timed(
  document: IndexDocument,
  occurredUs: number,
  context: ContextMembers = contextMembers(document),
): Timed {
  const statementKey = statementKeyOf(document, context)
  return { document, occurredUs, context, statementKey, tie: tieOf(document) }
}

/** What is known of a statement besides its receipt. */
export interface Told {
  readonly decided: Decided | null
  readonly completed: Completed | null
}

/** A document of the index as it is read. */
export type Source = Readonly<Record<string, unknown>>

/**
 * The document of an event: what is asked of it, how it is ordered, and itself, to be read; `own` says what else. The order is
 * (occurred_us, seq, tie): copies of the same bytes have the same three and stand together, so that a reader can pass them over. What is
 * absent is not written.
 */
export function sourceOf(event: Timed, told: Told | null, own: Source): Json {
  const { document } = event
  const text = JSON.stringify({
    ...common(event, told),
    asked: {
      decision: orAbsent(decisionsOf(document, told?.decided ?? null)),
      kind: kinds(document).map(foldedTerm),
      relation: orAbsent(relationNames(document).map(foldedTerm)),
      approver: orAbsent(approverNames(document).map(foldedTerm)),
    },
    words: orAbsent(wordsOf(document, told)),
    document: readable(document),
    ...own,
  })
  return { own: text, shared: event.context.all }
}

/** The document of an entry, once and for all. `now` is the time in ISO 8601 and in ms. */
export function entrySource(
  event: Timed,
  now: { readonly iso: string; readonly ms: number },
): Json {
  const { document, occurredUs, statementKey } = event
  const own = {
    role: 'entry',
    shown: statementKey === null,
    leaf_hash: document.leafHash,
    chunk: document.chunk ?? undefined,
    indexed_at: now.iso,
    delay_ms: now.ms - Math.floor(occurredUs / 1000),
  }
  const isReceipt = statementKey !== null && document.type === 'request.received'
  if (!isReceipt) return sourceOf(event, null, own)
  // It is asked for and read as its statement, which says the rest.
  const words = orAbsent(wordsOf(document, null))
  return {
    own: JSON.stringify({ ...common(event, null), words, ...own }),
    shared: event.context.labels,
  }
}

/** Every member has one form, whatever the event: what is counted, ordered and shown in dashboards. */
function common({ document, occurredUs, statementKey, tie }: Timed, told: Told | null): Source {
  const { request, session } = document
  const decision = told?.decided?.decision ?? document.decision
  const completion = told?.completed?.completion ?? document.completion
  return {
    '@timestamp': new Date(Math.floor(occurredUs / 1000)).toISOString(),
    occurred_us: occurredUs,
    seq: document.producerSeq ?? document.position,
    tie,
    log: exactTerm(document.log),
    position: document.position,
    type: document.type,
    event_id: document.eventId ?? undefined,
    statement_key: statementKey ?? undefined,
    request_id: termOrAbsent(document.requestId),
    protocol: termOrAbsent(session?.protocol ?? null),
    operation: termOrAbsent(request?.operation ?? null),
    decision: decision?.outcome,
    rule_ids: decision === null ? undefined : orAbsent(decision.rule_ids.map(exactTerm)),
    outcome: completion?.outcome,
    error_code: termOrAbsent(completion?.errorCode ?? null),
    rows: completion?.rows,
    bytes_out: completion?.bytesOut,
    duration_us: completion?.durationUs,
    statement: request?.text,
  }
}

/** The document that a source was made of, and the time it stands at. */
export function documentIn(source: Source): {
  readonly document: IndexDocument
  readonly occurredUs: number
} {
  const readable = source['document'] as Readable
  const occurredUs = Number(source['occurred_us'])
  const type = source['type'] as IndexDocument['type']
  const { request = null } = readable
  const text = source['statement']
  // What is no event has neither a time nor a number of its own.
  const own =
    type === 'quarantined'
      ? {}
      : {
          eventId: String(source['event_id']),
          occurredAtUs: occurredUs,
          producerSeq: Number(source['seq']),
        }
  return {
    occurredUs,
    document: {
      ...blank,
      ...readable,
      ...(source['context'] as Context),
      ...own,
      type,
      position: Number(source['position']),
      request: request === null || typeof text !== 'string' ? request : { ...request, text },
    },
  }
}

/** The document of a source with everything that another source is made of. */
export function timedIn(source: Source): Timed {
  const { document, occurredUs } = documentIn(source)
  return timed(document, occurredUs)
}

// No producer can speak for another one's statement.
function statementKeyOf(
  document: IndexDocument,
  { statementPrefix }: ContextMembers,
): string | null {
  const { producer, requestId } = document
  if (requestId === null || !isStatementPart(document) || producer === null) return null
  return hash('sha256', `${statementPrefix}${requestId}`).slice(0, 32)
}

function tieOf(document: IndexDocument): number {
  // 6 bytes are 8 characters.
  if (document.eventId !== null) {
    return Buffer.from(document.digest.slice(0, 8), 'base64').readUIntBE(0, 6)
  }
  return hash('sha256', `${document.log}:${document.position}`, 'buffer').readUIntBE(0, 6)
}

/** What of a document no other member of its source says whole. Of what is null in many, only what is not is written. */
type Readable = Pick<IndexDocument, 'log' | 'leafHash' | 'digest' | 'requestId' | 'remarks'> &
  Partial<
    Pick<
      IndexDocument,
      'session' | 'request' | 'decision' | 'completion' | 'approval' | 'chunk' | 'remark'
    >
  >

function readable(document: IndexDocument): Readable {
  const { request } = document
  return {
    // Among the terms long ones stand as their digests.
    log: document.log,
    requestId: document.requestId,
    leafHash: document.leafHash,
    digest: document.digest,
    ...(document.session && { session: document.session }),
    ...(request && { request: { ...request, text: '' } }),
    ...(document.decision && { decision: document.decision }),
    ...(document.completion && { completion: document.completion }),
    ...(document.approval && { approval: document.approval }),
    ...(document.chunk !== null && { chunk: document.chunk }),
    ...(document.remark !== null && { remark: document.remark }),
    remarks: document.remarks,
  }
}

function orAbsent(terms: readonly string[]): readonly string[] | undefined {
  return terms.length === 0 ? undefined : terms
}

// A phrase is found within one of these, not across. The statement and the names of its context join them by `copy_to`.
function wordsOf(document: IndexDocument, told: Told | null): readonly string[] {
  const { request } = document
  const words: string[] = []
  if (request !== null && request.reads.length + request.writes.length > 0) {
    words.push([...request.reads, ...request.writes].join('\n'))
  }
  const remarks = [
    ...approverNames(document),
    ...document.remarks,
    ...(told?.decided?.remarks ?? []),
    ...(told?.completed?.remarks ?? []),
  ]
  if (remarks.length > 0) words.push([...new Set(remarks)].join('\n'))
  return words
}
