import type { Actor } from '../../../schemas/event.ts'
import type { ScramVerifier } from '../../../schemas/scram-verifier.ts'

/** A session password that is in force: who may use it, on which target, until when. */
export interface Credential {
  readonly credentialId: string
  readonly verifier: ScramVerifier
  readonly actor: Actor
  readonly purpose: string | null
  /** The name of the target it was issued for. */
  readonly target: string
  /** Null for the target's own database. */
  readonly database: string | null
  readonly expiresAtMs: number
  readonly isRevoked: boolean
}

/** What an edge knows of session passwords: their verifiers, never the passwords. */
export interface CredentialStore {
  /** The credential that was issued under this user name, also when it has expired or was revoked; null for an unknown name. */
  lookup(user: string): Promise<Credential | null>
  isRevoked(credentialId: string): boolean
  /** Calls `listener` with the id of each credential that is revoked from now on. Returns what stops it. */
  onRevoked(listener: (credentialId: string) => void): () => void
}
