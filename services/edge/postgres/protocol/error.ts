type ProtocolErrorCode =
  | 'LENGTH_INVALID'
  | 'LENGTH_OVER_LIMIT'
  | 'MESSAGE_MALFORMED'
  | 'MESSAGE_UNEXPECTED'
  | 'VERSION_UNSUPPORTED'
  | 'SASL_MALFORMED'

/**
 * Bytes that are no PostgreSQL protocol. Always fatal to the connection: after one of these nobody knows where the
 * next message begins. The message goes to the peer, so it never quotes what the peer sent.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolErrorCode

  constructor(code: ProtocolErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
