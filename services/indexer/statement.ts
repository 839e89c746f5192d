import type { DecisionPart } from '../../schemas/event.ts'
import type { IndexDocument } from './documents.ts'
import type { DecidedFirst, Hit, Statement, TransactionEnd } from './query.ts'
import { labelOf } from './terms.ts'

/**
 * What is known of one statement, from the events that came so far. They come in any order: which of several counts depends on what
 * they say and where they stand, never on when they came.
 */
export interface StatementEvents {
  readonly received: IndexDocument | null
  /** Any of its events that carries a decision. */
  readonly decided: Decided | null
  readonly completed: Completed | null
}

type Place = Pick<IndexDocument, 'log' | 'position' | 'producerSeq'>

/** What a decision's event says of its statement. */
export type Decided = Place & Pick<IndexDocument, 'decision' | 'remarks'>

/** What a completion's event says of its statement. */
export type Completed = Place & Pick<IndexDocument, 'completion' | 'remarks'>

/** The events that are parts of a statement and are found as one with it. */
export function isStatementPart(document: IndexDocument): boolean {
  return document.requestId !== null && statementParts.has(document.type)
}

export const statementParts: ReadonlySet<string> = new Set([
  'request.received',
  'request.decided',
  'request.completed',
  'response.recorded',
])

/** Of two documents for one role, the one that counts. */
export function firstReceived<T extends Place>(one: T | null, other: T): T {
  return one === null ? other : earlier(one, other)
}

/** The last decision counts (a hold is followed by what became of it), an unknown one only where there is no other. */
export function lastDecided<T extends Decided>(one: T | null, other: T): T {
  const outcomeOf = ({ decision }: T) => decision?.outcome
  return one === null ? other : (known(one, other, outcomeOf) ?? later(one, other))
}

/** The first completion counts, an unknown one, as recovery writes it, only where there is no other. */
export function firstCompleted<T extends Completed>(one: T | null, other: T): T {
  const outcomeOf = ({ completion }: T) => completion?.outcome
  return one === null ? other : (known(one, other, outcomeOf) ?? earlier(one, other))
}

/** The one whose outcome is known, where that is only one of them. */
function known<T>(one: T, other: T, outcomeOf: (of: T) => string | undefined): T | null {
  const isKnown = outcomeOf(one) !== 'unknown'
  if (isKnown === (outcomeOf(other) !== 'unknown')) return null
  return isKnown ? one : other
}

function earlier<T extends Place>(one: T, other: T): T {
  return isBefore(other, one) ? other : one
}

function later<T extends Place>(one: T, other: T): T {
  return isBefore(one, other) ? other : one
}

/** The producer's own order; where it contradicts itself, the order of the log. */
function isBefore(one: Place, other: Place): boolean {
  const bySeq = (one.producerSeq ?? 0) - (other.producerSeq ?? 0)
  if (bySeq !== 0) return bySeq < 0
  if (one.log !== other.log) return one.log < other.log
  return one.position < other.position
}

/**
 * The outcomes that an event is found by: the last decision, and for a statement that was held before it, the hold as well, whatever
 * became of it.
 */
export function decisionsOf(
  { decision: first }: Pick<IndexDocument, 'decision'>,
  decided: Pick<Decided, 'decision'> | null,
): readonly string[] {
  const last = decided?.decision?.outcome ?? first?.outcome
  if (last === undefined) return []
  return first?.outcome === 'hold' && last !== 'hold' ? ['hold', last] : [last]
}

/** A statement before it is known what became of its transaction. */
export type LooseStatement = Omit<Statement, 'transaction'>

/** `document` is shown with what the statement's other events say, when it is the one that was received. */
export function hitOf(
  document: IndexDocument,
  occurredAtUs: number,
  statement: Omit<StatementEvents, 'received'>,
  transaction: TransactionEnd | null,
): Hit {
  const decision = statement.decided?.decision ?? document.decision
  const completion = statement.completed?.completion ?? document.completion
  return {
    log: document.log,
    position: document.position,
    eventId: document.eventId ?? '',
    type: document.type,
    occurredAtMs: Math.floor(occurredAtUs / 1000),
    sessionId: document.sessionId,
    requestId: document.requestId,
    actor: document.actor === null ? '' : labelOf(document.actor),
    actorKind: document.actor?.kind ?? 'unknown',
    onBehalfOf: document.actor?.on_behalf_of.map(labelOf) ?? [],
    target: document.target?.name ?? null,
    operation: document.request?.operation ?? null,
    statement: document.request?.text ?? null,
    decision: decision?.outcome ?? null,
    ruleIds: decision?.rule_ids ?? [],
    decidedFirst: document.decision === null ? null : decidedFirst(document.decision),
    outcome: completion?.outcome ?? null,
    transaction,
    rows: completion?.rows ?? null,
    durationUs: completion?.durationUs ?? null,
    errorCode: completion?.errorCode ?? null,
    masked: completion?.masked ?? null,
    tokenKeyId: completion?.tokenKeyId ?? null,
    remark: document.remark ?? afterHold(document, decision),
  }
}

function decidedFirst({ outcome, rule_ids: ruleIds }: DecisionPart): DecidedFirst {
  return { decision: outcome, ruleIds }
}

/** That it was held is no longer seen from the last decision. */
function afterHold(
  { decision: first }: IndexDocument,
  last: IndexDocument['decision'],
): string | null {
  if (first?.outcome !== 'hold' || last === null || last.outcome === 'hold') return null
  return `was held; ${last.reason ?? 'another policy came into force'}`
}

export function statementOf(
  received: IndexDocument,
  receivedAtUs: number,
  { decided, completed }: Omit<StatementEvents, 'received'>,
  responsePositions: readonly number[],
): LooseStatement {
  const completion = completed?.completion ?? null
  return {
    requestId: received.requestId ?? '',
    log: received.log,
    position: received.position,
    completedPosition: completed?.position ?? null,
    responsePositions,
    receivedAtMs: Math.floor(receivedAtUs / 1000),
    operation: received.request?.operation ?? '',
    mode: received.request?.mode ?? '',
    statement: received.request?.text ?? '',
    statementBytes: received.request?.bytes ?? 0,
    decision: decided?.decision?.outcome ?? 'unknown',
    ruleIds: decided?.decision?.rule_ids ?? [],
    decisionId: decided?.decision?.decision_id ?? null,
    outcome: completion?.outcome ?? null,
    commandTag: completion?.commandTag ?? null,
    rows: completion?.rows ?? null,
    bytesOut: completion?.bytesOut ?? null,
    durationUs: completion?.durationUs ?? null,
    errorCode: completion?.errorCode ?? null,
    errorMessage: completion?.errorMessage ?? null,
    masked: completion?.masked ?? null,
    tokenKeyId: completion?.tokenKeyId ?? null,
  }
}
