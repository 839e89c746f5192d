import type { SessionPart } from '../../../schemas/event.ts'
import type { ApprovalWait } from './holds/approval-wait.ts'
import type { SessionLog } from './events.ts'
import { ExpectedResponses } from './relay/expected-responses.ts'
import type { Expected } from './relay/expected-responses.ts'
import type { HoldGate } from './holds/hold-gate.ts'
import type { PostgresLimits } from './limits.ts'
import type { Reach } from './masking/couplings.ts'
import { Namespace } from './statements/namespace.ts'
import type { TransactionStatus } from './protocol/backend.ts'
import type { ReadingSettings } from './holds/reading-settings.ts'
import type { RequestInFlight } from './relay/request-in-flight.ts'
import type { Portal, Statement, StatementCache } from './statements/statements.ts'

/** What both directions of a session share. The frontend relay adds to it, the backend relay takes away. */
export class SessionState {
  readonly expected = new ExpectedResponses()
  readonly statements = new Namespace<Statement>()
  readonly portals = new Namespace<Portal>()
  readonly cache: StatementCache
  readonly log: SessionLog
  readonly limits: PostgresLimits
  readonly onAuditFailure: 'refuse' | 'allow'
  /** Null where approvals cannot be asked for: then what is held does not run. */
  readonly holds: HoldGate | null
  readonly reading: ReadingSettings
  /** As it was recorded at the start. */
  readonly session: SessionPart
  /** What lies between two Syncs of the client has one number. */
  batch = 0
  /** After an error in the extended protocol the target ignores everything up to Sync, and so does the edge. */
  isSkipping = false
  /** COPY FROM STDIN that the target has begun and the client has not ended. */
  copyIn: RequestInFlight | null = null
  /** The reply that must come before another message of the client is taken. */
  awaited: Expected | null = null
  /** The request that waits for an approval, or has waited and is asked about next. */
  wait: ApprovalWait | null = null
  /** Called when `wait` is over. */
  onWaitOver: () => void = () => undefined
  /** What goes out to the target is kept until it is known whether this batch waits: see withheld-batch.ts. */
  isWithheld = false
  /** Approvals that were used in transactions that may go on, and in which batch. */
  used: readonly UsedApproval[] = []
  /** What the messages since the last Sync have the target do. */
  progress: BatchProgress = 'none'
  /** As the target last reported it. */
  transactionStatus: TransactionStatus = 'I'
  /** What a report at the end of this transaction may quote, when what was deferred is checked. */
  reach: Reach = 'none'
  /** Answers of this session are masked: what it is notified of by others is not told in words. */
  isMasked = false
  /** A statement of this batch may have changed how text is read; known at the next ReadyForQuery. */
  isUnsettled = false
  /** And that has not been set back since. */
  isReadOtherwise = false
  /** Since the transaction began: what was deferred runs when it ends. */
  codeRan: CodeRan | null = null
  /** Statements have changed relations, which others see once the transaction has ended. */
  hasChangedCatalog = false

  constructor(options: SessionStateOptions) {
    this.cache = options.cache
    this.log = options.log
    this.limits = options.limits
    this.onAuditFailure = options.onAuditFailure
    this.session = options.session
    this.holds = options.holds
    this.reading = options.reading
  }
}

export interface UsedApproval {
  readonly approvalId: string
  readonly batch: number
  /** Whoever used it was told that what ran by it is undone. */
  readonly isTold: boolean
}

/** Code that may do something to the session: the last batch that ran some, and whether any of it may give names to something else. */
export interface CodeRan {
  readonly batch: number
  readonly takesNames: boolean
}

/**
 * A backslash or a byte outside ASCII means another thing under another standard_conforming_strings or client_encoding, and a statement
 * of this batch may have set one; its report comes only with ReadyForQuery.
 */
export function mayBeMisread({ isReadOtherwise }: SessionState, text: Buffer): boolean {
  return isReadOtherwise && text.some((byte) => byte === 0x5c || byte >= 0x80)
}

/**
 * `prepared`: statements were parsed, described or closed and no more, so a Sync would change nothing but that the target lets go of
 * its locks. `begun`: something was bound or run.
 */
export type BatchProgress = 'none' | 'prepared' | 'begun'

export interface SessionStateOptions {
  readonly cache: StatementCache
  readonly log: SessionLog
  readonly limits: PostgresLimits
  readonly onAuditFailure: 'refuse' | 'allow'
  readonly session: SessionPart
  readonly holds: HoldGate | null
  readonly reading: ReadingSettings
}
