export type DemoErrorCode =
  | 'DEMO_POSTGRES_MISSING'
  | 'DEMO_POSTGRES_UNUSABLE'
  | 'DEMO_POSTGRES_IN_USE'
  | 'DEMO_POSTGRES_FAILED'
  | 'DEMO_PORT_IN_USE'
  | 'DEMO_SIGN_IN_FAILED'
  | 'DEMO_ISSUER_MISSING'
  | 'DEMO_AGENT_FAILED'

/** What keeps the demo's own parts from working. The message is one sentence for the person at the terminal. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
  readonly code: DemoErrorCode

  constructor(code: DemoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
