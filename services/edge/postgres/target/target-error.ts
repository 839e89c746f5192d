export type TargetErrorCode =
  | 'TARGET_UNREACHABLE'
  | 'TARGET_TLS'
  | 'TARGET_AUTHENTICATION'
  | 'TARGET_REFUSED'
  | 'TARGET_PROTOCOL'

/** Why no connection to the target came about. For the operator's log; the client learns only that there is none. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  readonly code: TargetErrorCode

  constructor(code: TargetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
