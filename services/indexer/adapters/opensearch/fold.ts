import type { SessionPart } from '../../../../schemas/event.ts'
import type { IndexDocument } from '../../documents.ts'
import { firstOfSession } from '../../session.ts'
import type { SessionEnd } from '../../session.ts'
import { firstCompleted, firstReceived, lastDecided } from '../../statement.ts'
import type { Completed, Decided } from '../../statement.ts'
import { hourOf } from '../../terms.ts'
import { touchesTransactions } from '../../transactions/transaction-steps.ts'
import type { Json } from './bulk-body.ts'
import { sourceOf, timedIn } from './source.ts'
import type { Source, Timed } from './source.ts'

/**
 * A document that several entries make up, in whatever order and however often they come. Entries are immutable and one index cannot
 * join them when it is asked, so what is asked of a statement or a session as a whole stands in a document of its own. It is made here,
 * by the rules that the embedded index follows too, and written under the version it was read at: whoever was faster is read again.
 */
export interface Fold<F> {
  /** Null: there is nothing to know yet. Returns `known` itself when the event adds nothing. */
  add(known: F | null, event: Timed): F | null
  /** Whether an event changes its fold unless it was added before. */
  isTelling(event: Timed): boolean
  /** Whether no other event is expected to change it: then it is not worth keeping. */
  isWhole(fold: F): boolean
  source(fold: F): Json
  parse(source: Source): F
}

export interface StatementFold {
  readonly received: Timed | null
  readonly decided: Decided | null
  readonly completed: Completed | null
  /** Events that are found by themselves as long as nothing was received: the ids of their documents. */
  readonly orphans: readonly string[]
}

export const statementFold: Fold<StatementFold> = {
  add(known, event) {
    const { document } = event
    const { decided, completed, received, orphans } = known ?? nothing
    const nextDecided =
      document.decision === null ? decided : lastDecided(decided, decidedOf(document))
    const nextCompleted =
      document.type === 'request.completed' && document.completion !== null
        ? firstCompleted(completed, completedOf(document))
        : completed
    const isReceipt = document.type === 'request.received'
    const first = isReceipt ? firstReceived(received?.document ?? null, document) : null
    const nextReceived = first === document && received?.document !== document ? event : received
    // A receipt takes over what was found by itself; `orphans` stays until those are deleted, which a crash may put off.
    const nextOrphans = nextReceived === null ? withOrphan(orphans, event) : orphans
    const isSame =
      known !== null &&
      nextDecided === decided &&
      nextCompleted === completed &&
      nextReceived === received &&
      nextOrphans === orphans
    if (isSame) return known
    return {
      received: nextReceived,
      decided: nextDecided,
      completed: nextCompleted,
      orphans: nextOrphans,
    }
  },
  isTelling: ({ document }) => document.type !== 'response.recorded',
  // What was answered is recorded before the completion.
  isWhole: ({ received, completed }) => received !== null && completed !== null,
  source({ received, decided, completed, orphans }) {
    if (received === null) {
      const parts: Parts = { decided, completed, orphans }
      return JSON.stringify({ role: 'statement', shown: false, parts })
    }
    const { occurredUs, document } = received
    const parts: Parts = {
      decided: decided !== null && isOf(document, decided) ? atReceipt : decided,
      completed,
      orphans,
    }
    return sourceOf(
      received,
      { decided, completed },
      {
        role: 'statement',
        shown: true,
        hour_ms: hourOf(occurredUs),
        transacts: touchesTransactions(document.request?.operation ?? ''),
        parts,
      },
    )
  },
  parse(source) {
    const { decided, completed, orphans } = source['parts'] as Parts
    const received = source['shown'] === true ? timedIn(source) : null
    return {
      received,
      decided: decided !== atReceipt ? decided : received && decidedOf(received.document),
      completed,
      orphans,
    }
  },
}

/** In place of what was decided where the receipt says it: most statements are decided as they come. */
const atReceipt = 'at receipt'

interface Parts extends Omit<StatementFold, 'received' | 'decided'> {
  readonly decided: Decided | typeof atReceipt | null
}

function isOf(document: IndexDocument, { log, position }: Decided): boolean {
  return document.log === log && document.position === position
}

function withOrphan(orphans: readonly string[], event: Timed): readonly string[] {
  const id = orphanId(event)
  return orphans.includes(id) ? orphans : [...orphans, id]
}

function decidedOf({ log, position, producerSeq, decision, remarks }: IndexDocument): Decided {
  return { log, position, producerSeq, decision, remarks }
}

function completedOf({
  log,
  position,
  producerSeq,
  completion,
  remarks,
}: IndexDocument): Completed {
  return { log, position, producerSeq, completion, remarks }
}

const nothing: StatementFold = { received: null, decided: null, completed: null, orphans: [] }

/** The document of an event that is found by itself until its request is there. Copies of the same bytes have one. */
export function orphanId({ statementKey, tie }: Timed): string {
  return `orphan:${statementKey}:${tie}`
}

export function orphanSource(event: Timed): Json {
  return sourceOf(event, null, { role: 'orphan', shown: true })
}

export interface SessionFold {
  readonly start: Timed | null
  readonly end: (SessionEnd & { readonly occurredUs: number }) | null
}

export const sessionFold: Fold<SessionFold> = {
  add(known, event) {
    const { document, occurredUs } = event
    const { start, end } = known ?? { start: null, end: null }
    if (document.type === 'session.started') {
      const first = firstOfSession(start?.document ?? null, document)
      return known !== null && first === start?.document ? known : { start: event, end }
    }
    const { position, producerSeq, session } = document
    const other = { position, producerSeq, session, occurredUs }
    const first = firstOfSession(end, other)
    return known !== null && first === end ? known : { start, end: first }
  },
  isTelling: () => true,
  isWhole: ({ start, end }) => start !== null && end !== null,
  source({ start, end }) {
    const common = { role: 'session', shown: false, end }
    if (start === null) return JSON.stringify(common)
    return sourceOf(start, null, {
      ...common,
      outcome: outcomeOf(end),
      ended_at: end && new Date(Math.floor(end.occurredUs / 1000)).toISOString(),
    })
  },
  parse(source) {
    const end = (source['end'] ?? null) as SessionFold['end']
    return { start: source['document'] === undefined ? null : timedIn(source), end }
  },
}

/** The session that an event begins or ends. */
export function sessionEventKey(event: Timed): string | null {
  const { type } = event.document
  return type === 'session.started' || type === 'session.ended' ? event.context.sessionKey : null
}

function outcomeOf(end: { readonly session: SessionPart | null } | null): string | null {
  return end === null ? null : (end.session?.outcome ?? 'unknown')
}
