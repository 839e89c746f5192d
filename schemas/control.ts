import type { Actor, Principal } from './event.ts'
import type { ScramVerifier } from './scram-verifier.ts'

/**
 * What the api tells the edges on `control.updates`. The record's key is `controlKey`, its value the JSON of `SignedControlUpdate`.
 * An edge applies an update only if the api's key signed it and its version is above the last one of the same key.
 */
export type ControlUpdate =
  CredentialUpdate | RevocationUpdate | PolicyUpdate | ApprovalUpdate | LockoutUpdate

interface ControlBase {
  /** Rises with each update of the same key; milliseconds since 1970 at the api, at least one more than before. */
  readonly version: number
}

/** A session password was issued. The edge learns its verifier, never the password. */
export interface CredentialUpdate extends ControlBase {
  readonly kind: 'credential'
  readonly credential_id: string
  readonly user: string
  readonly target: string
  readonly database: string | null
  readonly purpose: string | null
  readonly actor: Actor
  readonly verifier: ScramVerifier
  /** Milliseconds since 1970. */
  readonly expires_at: number
  /** The token that it was exchanged for, where it has an id, and when that ends: so it is not exchanged again. */
  readonly token_id?: string
  readonly token_expires_at?: number
}

export interface RevocationUpdate extends ControlBase {
  readonly kind: 'revocation'
  readonly credential_id: string
  readonly reason: string
}

export interface PolicyUpdate extends ControlBase {
  readonly kind: 'policy'
  /** The text of the policy file; its SHA-256 is the policy's digest. */
  readonly text: string
}

/** A held request was answered. Only the edge that asked for the approval takes it, and only for what it has bound it to. */
export interface ApprovalUpdate extends ControlBase {
  readonly kind: 'approval'
  readonly approval_id: string
  /** The id of the edge that asked. */
  readonly edge: string
  readonly outcome: 'granted' | 'denied'
  /** When the last answer was given, milliseconds since 1970: told late, a grant is good for no longer. Missing in old records. */
  readonly decided_at?: number
  /** What was answered, hexadecimal: `bindingSha256` of the hold. */
  readonly binding_sha256: string
  /** Every answer that was given, in its order: the edge follows them by the same rules. */
  readonly answers: readonly ApprovalAnswer[]
}

export interface ApprovalAnswer {
  /** Of its own for each answer. */
  readonly decision_id: string
  readonly verdict: 'grant' | 'deny'
  readonly reason: string
  readonly by: Principal & {
    readonly roles: readonly string[]
    /** True when the approver acted through somebody else; such an answer does not count. */
    readonly is_delegated: boolean
  }
}

/**
 * The kill switch: a session, an actor or a target was locked out, or is so no longer. Sessions it meets end, and until it is
 * lifted no new one begins. An actor is met also where somebody acts on its behalf.
 */
export interface LockoutUpdate extends ControlBase {
  readonly kind: 'lockout'
  readonly subject: LockoutSubject
  /** The id of the session, the subject of the actor, or the name of the target. */
  readonly name: string
  /** Of an actor; null of the others. */
  readonly issuer: string | null
  readonly reason: string
  readonly lifted: boolean
}

export const lockoutSubjects = ['session', 'actor', 'target'] as const

export type LockoutSubject = (typeof lockoutSubjects)[number]

export interface SignedControlUpdate {
  /** The exact text that is signed: the JSON of a `ControlUpdate`. */
  readonly update: string
  /** Ed25519 over `controlSignedText(update)`, base64. */
  readonly signature: string
}

export function controlKey(update: ControlUpdate): string {
  switch (update.kind) {
    case 'credential':
      return `credential/${update.credential_id}`
    case 'revocation':
      return `revocation/${update.credential_id}`
    case 'policy':
      return 'policy'
    case 'approval':
      return `approval/${update.approval_id}`
    case 'lockout':
      return `lockout/${JSON.stringify([update.subject, update.issuer, update.name])}`
  }
}

/** The signed bytes name what they are for, so that no other signature of the same key can be passed off as one. */
export function controlSignedText(update: string): Buffer {
  return Buffer.from(`affidavit/control-update/v1\n${update}`)
}
