import { hash } from 'node:crypto'

import type { IndexDocument } from '../../documents.ts'
import { decisionsOf, isStatementPart } from '../../statement.ts'
import type { Completed, Decided } from '../../statement.ts'
import {
  actorIdentity,
  actorNames,
  approverNames,
  kinds,
  labelOf,
  relationNames,
} from '../../terms.ts'
import { exactTerm, foldedTerm } from './exact-term.ts'

/** A document and the time it stands at: its own, or for bytes that are no event that of the entry before. */
export interface Timed {
  readonly document: IndexDocument
  readonly occurredUs: number
  /** The session it is of, under the producer that says so; null where there is none. */
  readonly sessionKey: string | null
  /** The statement it is a part of; null where there is none. */
  readonly statementKey: string | null
  /** The same for copies of the same bytes; bytes that are no event are copies of nothing. */
  readonly tie: number
}

export function timed(document: IndexDocument, occurredUs: number): Timed {
  return {
    document,
    occurredUs,
    sessionKey: sessionKeyOf(document),
    statementKey: statementKeyOf(document),
    tie: tieOf(document),
  }
}

/** What is known of a statement besides its receipt. */
export interface Told {
  readonly decided: Decided | null
  readonly completed: Completed | null
}

export type Source = Readonly<Record<string, unknown>>

/**
 * What is asked of an event, how it is ordered, and the document itself, to be read. The order is (occurred_us, seq, tie): copies of the
 * same bytes have the same three and stand together, so that a reader can pass them over.
 */
export function sharedSource(event: Timed, told: Told | null): Source {
  const { document, occurredUs, sessionKey, statementKey, tie } = event
  const { actor, target, request, session } = document
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
    event_id: document.eventId,
    producer: termOrNull(document.producer),
    session_id: termOrNull(document.sessionId),
    session_key: sessionKey,
    statement_key: statementKey,
    request_id: termOrNull(document.requestId),
    actor: actor && {
      label: exactTerm(labelOf(actor)),
      kind: actor.kind,
      identity: exactTerm(actorIdentity(actor)),
    },
    target: target && { name: exactTerm(target.name), kind: exactTerm(target.kind) },
    source_address: termOrNull(document.sourceAddress),
    protocol: termOrNull(session?.protocol ?? null),
    operation: termOrNull(request?.operation ?? null),
    decision: decision?.outcome ?? null,
    rule_ids: decision?.rule_ids.map(exactTerm) ?? [],
    outcome: completion?.outcome ?? null,
    error_code: termOrNull(completion?.errorCode ?? null),
    rows: completion?.rows ?? null,
    bytes_out: completion?.bytesOut ?? null,
    duration_us: completion?.durationUs ?? null,
    asked: {
      actor: actorNames(document).map(foldedTerm),
      target: target && foldedTerm(target.name),
      decision: decisionsOf(document, told?.decided ?? null),
      kind: kinds(document).map(foldedTerm),
      relation: relationNames(document).map(foldedTerm),
      approver: approverNames(document).map(foldedTerm),
      session: document.sessionId === null ? null : foldedTerm(document.sessionId),
    },
    statement: request?.text ?? null,
    words: wordsOf(document, told),
    document: readable(document),
  }
}

/** The source of an entry, once and for all. */
export function entrySource(event: Timed, nowMs: number): string {
  const { document, occurredUs } = event
  return JSON.stringify({
    ...sharedSource(event, null),
    role: 'entry',
    shown: event.statementKey === null,
    leaf_hash: document.leafHash,
    chunk: document.chunk,
    indexed_at: new Date(nowMs).toISOString(),
    delay_ms: nowMs - Math.floor(occurredUs / 1000),
  })
}

/** The document that a source was made of. */
export function timedOf(source: Source): Timed {
  const document = source['document'] as IndexDocument
  const { request } = document
  const text = source['statement']
  return {
    occurredUs: Number(source['occurred_us']),
    sessionKey: keyIn(source, 'session_key'),
    statementKey: keyIn(source, 'statement_key'),
    tie: Number(source['tie']),
    document:
      request === null || typeof text !== 'string'
        ? document
        : { ...document, request: { ...request, text } },
  }
}

function keyIn(source: Source, name: string): string | null {
  const key = source[name]
  return typeof key === 'string' ? key : null
}

function sessionKeyOf({ producer, sessionId }: IndexDocument): string | null {
  if (producer === null || sessionId === null) return null
  return hash('sha256', JSON.stringify([producer, sessionId])).slice(0, 32)
}

// No producer can speak for another one's statement.
function statementKeyOf(document: IndexDocument): string | null {
  const { producer, sessionId, requestId } = document
  if (!isStatementPart(document) || producer === null) return null
  return hash('sha256', JSON.stringify([producer, sessionId, requestId])).slice(0, 32)
}

function tieOf(document: IndexDocument): number {
  // 6 bytes are 8 characters.
  if (document.eventId !== null) {
    return Buffer.from(document.digest.slice(0, 8), 'base64').readUIntBE(0, 6)
  }
  return hash('sha256', `${document.log}:${document.position}`, 'buffer').readUIntBE(0, 6)
}

// The statement's text is in a field of its own.
function readable(document: IndexDocument): IndexDocument {
  const { request } = document
  return request === null ? document : { ...document, request: { ...request, text: '' } }
}

// A phrase is found within one of these, not across. The statement joins them by `copy_to`.
function wordsOf(document: IndexDocument, told: Told | null): readonly string[] {
  const { request } = document
  const remarks = new Set([
    ...document.remarks,
    ...(told?.decided?.remarks ?? []),
    ...(told?.completed?.remarks ?? []),
  ])
  const words = [
    [...(request?.reads ?? []), ...(request?.writes ?? [])].join('\n'),
    [
      ...actorNames(document),
      ...approverNames(document),
      document.target?.name ?? '',
      document.producer ?? '',
    ].join('\n'),
    [...remarks].join('\n'),
  ]
  return words.filter((text) => text !== '')
}

function termOrNull(value: string | null): string | null {
  return value === null ? null : exactTerm(value)
}
