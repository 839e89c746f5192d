import type {
  Actor,
  CompletionOutcome,
  DecisionOutcome,
  SessionOutcome,
} from '../../schemas/event.ts'
import type { MaskedCount } from './documents.ts'

/**
 * Questions to the search index. Published. The index is derived: every answer names the position of its entry.
 * What cannot be asked is a `QueryError`; blank conditions count as not given.
 */
export interface Query {
  /** Newest first. */
  search(filter: SearchFilter, page?: Page): Promise<SearchResult>
  /** Sessions with an event that fits, newest first by start. A session is known by its `session.started`. */
  sessions(filter: SearchFilter, page?: Page): Promise<SessionList>
  session(sessionId: string): Promise<SessionSummary | null>
  /** Everything of one session in order of `producer_seq`, a request and its completion as one. */
  statements(sessionId: string, page?: Page): Promise<StatementList>
  /** Counts of statements per hour of their receipt, newest hour first, from the rollups: `from` and `to` count by whole hours. */
  activity(
    filter: Pick<SearchFilter, 'from' | 'to' | 'target' | 'actor'>,
  ): Promise<readonly ActivityBucket[]>
  /** How far the index has come, per log. */
  progress(): Promise<readonly IndexProgress[]>
}

/** The conditions of a filter that compare whole names, not words. */
export const exactFilters = [
  'actor',
  'target',
  'decision',
  'outcome',
  'kind',
  'relation',
  'approver',
  'session',
] as const

/** All given conditions hold. Times are milliseconds since 1970, [from, to). */
export interface SearchFilter {
  /** Words, "phrases" and prefix*, all of them, over statement text, relations, actor and target names, error messages. */
  readonly text?: string
  /** Subject or display name of the actor or anyone it acts for. */
  readonly actor?: string
  readonly target?: string
  /** The last one; `hold` also where the statement was held first and then ran, or was blocked. */
  readonly decision?: DecisionOutcome
  readonly outcome?: CompletionOutcome
  /** An event type, or an operation such as `select`. */
  readonly kind?: string
  readonly relation?: string
  /** Subject or display name of who approved or denied it. */
  readonly approver?: string
  readonly session?: string
  readonly from?: number
  readonly to?: number
}

export interface Page {
  /** 1 to 500, default 50. */
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface SearchResult {
  readonly hits: readonly Hit[]
  readonly next: string | null
}

/**
 * One event. A statement is found as its `request.received`, with what is known of its decision and completion; the events that told
 * so are found by themselves when `kind` names their type, or when their request is not in the index.
 */
export interface Hit {
  readonly log: string
  readonly position: number
  /** Empty for bytes that are not an event, which have the type `quarantined`. */
  readonly eventId: string
  readonly type: string
  readonly occurredAtMs: number
  readonly sessionId: string | null
  readonly requestId: string | null
  /** The display name, the subject where there is none, empty where nobody acts. */
  readonly actor: string
  readonly actorKind: string
  readonly onBehalfOf: readonly string[]
  readonly target: string | null
  readonly operation: string | null
  readonly statement: string | null
  /** The last one, and the rules it names. */
  readonly decision: string | null
  readonly ruleIds: readonly string[]
  /** What the event itself says: of a statement what policy said first, whatever came after a hold. */
  readonly decidedFirst: DecidedFirst | null
  readonly outcome: string | null
  /** As of a `Statement`. */
  readonly transaction: TransactionEnd | null
  readonly rows: number | null
  readonly durationUs: number | null
  readonly errorCode: string | null
  /** What of the result went out masked; null while it runs. With the decision `mask` it may be nothing. */
  readonly masked: readonly MaskedCount[] | null
  /** Which key made the tokens among them; null where there are none. */
  readonly tokenKeyId: string | null
  /** In a sentence, what the statement, if there is one, does not say: why a record was set aside, what is missing, who approved. */
  readonly remark: string | null
}

/**
 * What became of the transaction that a statement ran in. `not_committed`: its session ended inside it; `unknown`: what is recorded does
 * not tell it for certain, or of parts of the statement different things.
 */
export interface TransactionEnd {
  readonly state: 'open' | 'committed' | 'rolled_back' | 'not_committed' | 'unknown'
  /** The request that ended it, or rolled it back to a savepoint before the statement; null where none did. */
  readonly by: string | null
}

export interface DecidedFirst {
  readonly decision: string
  readonly ruleIds: readonly string[]
}

export interface SessionSummary {
  readonly sessionId: string
  readonly producer: string
  readonly protocol: string
  readonly actor: Actor
  readonly target: string
  readonly database: string | null
  readonly sourceAddress: string
  readonly startedAtMs: number
  readonly endedAtMs: number | null
  readonly outcome: SessionOutcome | null
  readonly statements: number
  /** Held, whatever became of it then: one that was approved and ran counts here, one that was denied here and as blocked. */
  readonly held: number
  readonly blocked: number
  readonly errors: number
  readonly rows: number
  readonly log: string
  /** Position of `session.started`. */
  readonly position: number
}

export interface SessionList {
  readonly sessions: readonly SessionSummary[]
  readonly next: string | null
}

export interface Statement {
  readonly requestId: string
  readonly log: string
  /** Position of `request.received`. */
  readonly position: number
  /** Position of `request.completed`, null while it runs. */
  readonly completedPosition: number | null
  /** Positions of `response.recorded`, in order. */
  readonly responsePositions: readonly number[]
  readonly receivedAtMs: number
  readonly operation: string
  readonly mode: string
  readonly statement: string
  readonly statementBytes: number
  readonly decision: string
  readonly ruleIds: readonly string[]
  readonly decisionId: string | null
  readonly outcome: string | null
  /**
   * Null where the statement did not run, or ran in no transaction that another statement began or ended, or only began or ended one
   * itself. Executions that a client sends in one batch of the extended protocol are one transaction as well; its end is no statement,
   * so nothing is told of it.
   */
  readonly transaction: TransactionEnd | null
  /** The target's own words for what was done, such as `INSERT 0 5`; of several statements joined by `; `. */
  readonly commandTag: string | null
  readonly rows: number | null
  readonly bytesOut: number | null
  readonly durationUs: number | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** As in a `Hit`. */
  readonly masked: readonly MaskedCount[] | null
  readonly tokenKeyId: string | null
}

export interface StatementList {
  readonly statements: readonly Statement[]
  readonly next: string | null
}

export interface ActivityBucket {
  readonly hourMs: number
  readonly target: string
  readonly actor: string
  readonly operation: string
  readonly decision: string
  readonly outcome: string
  readonly count: number
  readonly rows: number
}

export interface IndexProgress {
  readonly log: string
  /** Entries [0, indexed) are in the index. */
  readonly indexed: number
}

export type QueryErrorCode =
  | 'QUERY_TEXT_TOO_LONG'
  | 'QUERY_TEXT_EMPTY'
  | 'QUERY_NAME_TOO_LONG'
  | 'QUERY_TIME_INVALID'
  | 'QUERY_LIMIT_INVALID'
  | 'QUERY_CURSOR_INVALID'
  | 'QUERY_BUSY'
  | 'QUERY_UNAVAILABLE'

/** Why the index did not answer, for the process log: nothing of it is taken from what was asked. */
export interface QueryFault {
  readonly engine: 'sqlite' | 'opensearch'
  /** The engine's own number for it; null where it gave none. */
  readonly status: number | null
  /** The engine's own word for it. */
  readonly type: string
}

export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly code: QueryErrorCode
  readonly fault: QueryFault | null

  constructor(
    code: QueryErrorCode,
    message: string,
    options?: ErrorOptions & { readonly fault?: QueryFault },
  ) {
    super(message, options)
    this.code = code
    this.fault = options?.fault ?? null
  }
}
