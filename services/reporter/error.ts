export type ReportErrorCode =
  | 'REPORT_PERIOD_INVALID'
  | 'REPORT_BUSY'
  | 'REPORT_UNKNOWN'
  | 'REPORT_TOO_LARGE'
  | 'REPORT_STOPPED'
  | 'REPORT_NO_LEDGER'
  | 'REPORT_LEDGER_CHANGED'
  | 'REPORT_FILE_DAMAGED'
  | 'BUNDLE_MALFORMED'

export class ReportError extends Error {
  override readonly name = 'ReportError'
  readonly code: ReportErrorCode

  constructor(code: ReportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
