/** A person's sign-in as the commands keep it. */
export interface DemoSignIn {
  readonly api: string
  readonly issuer: string
  readonly client_id: string
  readonly access_token: string
  /** Milliseconds since 1970. */
  readonly expires_at: number
}
