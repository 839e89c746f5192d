import type { Actor } from '../../../schemas/event.ts'
import type { ScramVerifier } from '../../../schemas/scram-verifier.ts'

/** Somebody has proven who it is, and may be here until then. */
export interface Admission {
  readonly credentialId: string
  /** What it was proven by. */
  readonly means: 'session password' | 'token'
  readonly actor: Actor
  readonly purpose: string | null
  /** Null for the target's own database. */
  readonly database: string | null
  readonly expiresAtMs: number
}

/** A session password that is in force: who may use it, on which target, until when. */
export interface Credential extends Admission {
  readonly means: 'session password'
  readonly verifier: ScramVerifier
  /** The name of the target it was issued for. */
  readonly target: string
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
