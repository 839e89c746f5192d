export type LedgerErrorCode =
  /** There is no ledger here: `initLedger` makes one. */
  | 'LEDGER_MISSING'
  /** `initLedger` found one already. */
  | 'LEDGER_EXISTS'
  /** The directory was made for another operator, environment, topic or format. */
  | 'LEDGER_DIFFERENT'
  /** Another process, or another part of this one, has it open. */
  | 'LEDGER_LOCKED'
  | 'LEDGER_LOG_UNKNOWN'
  | 'LEDGER_POSITION_UNKNOWN'
  /** Bytes that a crash cannot explain: damage or tampering. Nothing was changed. */
  | 'LEDGER_CORRUPT'
  /** Something signed is newer than what is stored: the storage was set back. Nothing was changed. */
  | 'LEDGER_ROLLED_BACK'
  /** Another writer moved the head. This one never published its checkpoint and must stop. */
  | 'LEDGER_FENCED'
  /** A write failed, so what is on disk is unknown: stop, start again, recover. */
  | 'LEDGER_WRITE_FAILED'
  /** The payload store does not hold what the leaf commits to. */
  | 'LEDGER_PAYLOAD_DAMAGED'
  | 'LEDGER_CLOSED'
  /** The bus ends before what is sealed, or holds another record there: it is not the topic that was read. */
  | 'LEDGER_TOPIC_REPLACED'

export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code: LedgerErrorCode

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A write whose outcome is unknown, with what to do. `what` names the file or log, and what was not done. */
export function writeFailed(what: string, cause: unknown): LedgerError {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new LedgerError(
    'LEDGER_WRITE_FAILED',
    `${what}${why}. Make room or mend the disk, then start again: nothing that was sealed is lost, and what was not is sealed then`,
    { cause },
  )
}

/** What somebody can do about a log that is refused as it is. Other errors stay as they are. */
export function withAdvice(error: unknown): unknown {
  if (!(error instanceof LedgerError)) return error
  if (error.code !== 'LEDGER_CORRUPT' && error.code !== 'LEDGER_ROLLED_BACK') return error
  return new LedgerError(
    error.code,
    `${error.message}. Nothing was changed. Restore the newest copy of the whole data directory; where there is none, keep this one as evidence and begin another with init. affidavit verify says everything that is wrong`,
    { cause: error.cause },
  )
}
