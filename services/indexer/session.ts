import type { SessionPart } from '../../schemas/event.ts'
import type { IndexDocument } from './documents.ts'
import type { SessionSummary } from './query.ts'

/** What a start's or an end's event says of its session. */
export interface SessionEnd {
  readonly position: number
  readonly producerSeq: number | null
  readonly session: SessionPart | null
}

/** What is counted of the statements of one session. */
export interface SessionCounts {
  readonly statements: number
  /** Those that policy held first, whatever became of them: as `decision: 'hold'` finds them. */
  readonly held: number
  readonly blocked: number
  readonly errors: number
  readonly rows: number
}

/** Of two starts or two ends: the first counts; an end of unknown outcome, as recovery writes it, only where there is no other. */
export function firstOfSession<T extends SessionEnd>(one: T | null, other: T): T {
  if (one === null) return other
  const isVague = one.session?.outcome === 'unknown'
  const isOtherVague = other.session?.outcome === 'unknown'
  if (isVague !== isOtherVague) return isVague ? other : one
  const bySeq = (one.producerSeq ?? 0) - (other.producerSeq ?? 0)
  const isFirst = bySeq === 0 ? one.position <= other.position : bySeq < 0
  return isFirst ? one : other
}

export function sessionSummaryOf(
  start: { readonly document: IndexDocument; readonly occurredUs: number },
  end: { readonly session: SessionPart | null; readonly occurredUs: number } | null,
  counts: SessionCounts,
): SessionSummary {
  const { document } = start
  return {
    sessionId: document.sessionId ?? '',
    producer: document.producer ?? '',
    protocol: document.session?.protocol ?? '',
    actor: document.actor ?? nobody,
    target: document.target?.name ?? '',
    database: document.session?.database ?? null,
    sourceAddress: document.sourceAddress ?? '',
    startedAtMs: Math.floor(start.occurredUs / 1000),
    endedAtMs: end === null ? null : Math.floor(end.occurredUs / 1000),
    outcome: end === null ? null : (end.session?.outcome ?? 'unknown'),
    statements: counts.statements,
    held: counts.held,
    blocked: counts.blocked,
    errors: counts.errors,
    rows: counts.rows,
    log: document.log,
    position: document.position,
  }
}

const nobody: SessionSummary['actor'] = {
  kind: 'unknown',
  subject: '',
  issuer: '',
  display: null,
  groups: [],
  on_behalf_of: [],
  client: null,
  runtime: null,
}
