import { hash } from 'node:crypto'

import type { Actor, OverrideVerdict, Principal } from './event.ts'
import type { ScramVerifier } from './scram-verifier.ts'

/**
 * What the api tells the edges on `control.updates`. The record's key is `controlKey`, its value the JSON of `SignedControlUpdate`.
 * An edge applies an update only if the api's key signed it and its version is above the last one of the same key.
 */
export type ControlUpdate =
  | CredentialUpdate
  | RevocationUpdate
  | PolicyUpdate
  | ApprovalUpdate
  | OverrideUpdate
  | LockoutUpdate
  | TokenUpdate

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
  readonly verdict: 'grant' | 'deny' | 'override'
  readonly reason: string
  readonly by: Principal & {
    readonly roles: readonly string[]
    /** True when the approver acted through somebody else; such an answer does not count. */
    readonly is_delegated: boolean
  }
}

/**
 * Somebody behind a held request overrode the hold, and another person has to review that. Told before the override itself, which gives
 * nothing at an edge that has not heard of this.
 */
export interface OverrideUpdate extends ControlBase {
  readonly kind: 'override'
  readonly approval_id: string
  readonly binding_sha256: string
  readonly target: string
  /** Who broke the glass, and why. */
  readonly by: Principal
  readonly reason: string
  /** Who asked, and for whom: none of them reviews it. */
  readonly requester: Principal
  readonly on_behalf_of: readonly Principal[]
  /** The approvers' roles of the rules that held it; who has one of them may review. */
  readonly reviewer_roles: readonly string[]
  /** Where the request is sealed, as it was asked for. */
  readonly asked: { readonly log: string; readonly position: number }
  /** Milliseconds since 1970, as all times here. */
  readonly overridden_at: number
  readonly due_at: number
  /** The event that says so was recorded. */
  readonly is_overdue_recorded: boolean
  readonly review: OverrideReview | null
}

export interface OverrideReview {
  readonly by: Principal
  readonly verdict: OverrideVerdict
  readonly reason: string
  readonly reviewed_at: number
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

/**
 * An edge took a token of the issuer as a password, as it said in an event: nobody takes it once more. Of a token that was exchanged for
 * a session password, the `CredentialUpdate` says so.
 */
export interface TokenUpdate extends ControlBase {
  readonly kind: 'token'
  /** `tokenSha256` of its id. */
  readonly token_sha256: string
  /** When the token ends, milliseconds since 1970: for so long it has to be known. */
  readonly expires_at: number
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
    case 'override':
      return `override/${update.approval_id}`
    case 'lockout':
      return `lockout/${JSON.stringify([update.subject, update.issuer, update.name])}`
    case 'token':
      return `token/${update.token_sha256}`
  }
}

/** By what a token is known, however long an id its issuer gave it: hexadecimal. */
export function tokenSha256(tokenId: string): string {
  return hash('sha256', tokenId, 'hex')
}

/** The signed bytes name what they are for, so that no other signature of the same key can be passed off as one. */
export function controlSignedText(update: string): Buffer {
  return Buffer.from(`affidavit/control-update/v1\n${update}`)
}
