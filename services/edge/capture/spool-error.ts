export type SpoolErrorCode =
  'SPOOL_CORRUPT' | 'SPOOL_FAILED' | 'SPOOL_STATE_INVALID' | 'SPOOL_CLOSED'

export class SpoolError extends Error {
  override readonly name = 'SpoolError'
  readonly code: SpoolErrorCode

  constructor(code: SpoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
