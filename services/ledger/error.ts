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
