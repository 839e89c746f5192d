import type { CredentialUpdate, RevocationUpdate } from '../../../schemas/control.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Credential, CredentialStore } from './credentials.ts'

export interface IssuedCredentialsOptions {
  readonly clock: Clock
  /**
   * How long `lookup` waits for a credential it does not know: a client may be faster with its new password than the update
   * that brings it. Default 2 s.
   */
  readonly waitMs?: number
  /** Beyond so many credentials (with those revoked) no new one is taken. Default 100,000. */
  readonly maxCredentials?: number
  /** Beyond so many names that are waited for, an unknown one is answered at once. Default 1,000. */
  readonly maxWaiting?: number
}

export type AppliedOutcome = 'applied' | 'superseded' | 'expired' | 'full'

/**
 * The session passwords that came over `control.updates`. A revocation stands whether it comes before or after its
 * credential. What has expired is kept for as long as there is room, so that a late client is told the truth.
 */
export class IssuedCredentials implements CredentialStore {
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #maxCredentials: number
  readonly #maxWaiting: number
  readonly #byUser = new Map<string, Credential>()
  readonly #userOf = new Map<string, string>()
  /** Ids of revoked credentials, with the version (milliseconds since 1970) of what revoked them. */
  readonly #revoked = new Map<string, number>()
  readonly #listeners = new Set<(credentialId: string) => void>()
  readonly #waiting = new Map<string, Set<() => void>>()
  #waitingCount = 0

  constructor(options: IssuedCredentialsOptions) {
    this.#clock = options.clock
    this.#waitMs = options.waitMs ?? 2000
    this.#maxCredentials = options.maxCredentials ?? 100_000
    this.#maxWaiting = options.maxWaiting ?? 1000
  }

  get size(): number {
    return this.#byUser.size
  }

  async lookup(user: string): Promise<Credential | null> {
    const known = this.#byUser.get(user)
    if (known !== undefined) return this.#withState(known)
    if (this.#waitMs === 0 || this.#waitingCount >= this.#maxWaiting) return null
    await this.#arrival(user)
    const arrived = this.#byUser.get(user)
    return arrived === undefined ? null : this.#withState(arrived)
  }

  isRevoked(credentialId: string): boolean {
    return this.#revoked.has(credentialId)
  }

  onRevoked(listener: (credentialId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The caller has checked signature and version. */
  issue(update: CredentialUpdate): AppliedOutcome {
    if (update.expires_at <= this.#clock.nowMs()) return 'expired'
    const before = this.#byUser.get(update.user)
    // One user name is one credential's: the name of another one that is in force is not taken over.
    if (
      before !== undefined &&
      before.credentialId !== update.credential_id &&
      this.#isInForce(before)
    ) {
      return 'superseded'
    }
    if (before === undefined && !this.#makeRoom()) return 'full'
    if (before !== undefined) this.#userOf.delete(before.credentialId)
    this.#byUser.set(update.user, {
      credentialId: update.credential_id,
      means: 'session password',
      verifier: update.verifier,
      actor: update.actor,
      purpose: update.purpose,
      target: update.target,
      database: update.database,
      expiresAtMs: update.expires_at,
      isRevoked: false,
    })
    this.#userOf.set(update.credential_id, update.user)
    for (const arrive of this.#waiting.get(update.user) ?? []) arrive()
    return 'applied'
  }

  revoke(update: RevocationUpdate): AppliedOutcome {
    const { credential_id: id } = update
    if (this.#revoked.has(id)) return 'superseded'
    // Rather than forget that something was revoked, nothing more is issued: see #makeRoom.
    this.#revoked.set(id, update.version)
    for (const listener of this.#listeners) listener(id)
    return 'applied'
  }

  #withState(credential: Credential): Credential {
    return { ...credential, isRevoked: this.isRevoked(credential.credentialId) }
  }

  #isInForce(credential: Credential): boolean {
    return credential.expiresAtMs > this.#clock.nowMs() && !this.isRevoked(credential.credentialId)
  }

  #makeRoom(): boolean {
    const isFull = (): boolean =>
      Math.max(this.#byUser.size, this.#revoked.size) >= this.#maxCredentials
    if (!isFull()) return true
    const nowMs = this.#clock.nowMs()
    for (const [user, credential] of this.#byUser) {
      if (credential.expiresAtMs > nowMs) continue
      this.#byUser.delete(user)
      this.#userOf.delete(credential.credentialId)
    }
    // A credential is known before it is revoked, or soon after; what has none a day later has expired without being seen.
    for (const [id, revokedAtMs] of this.#revoked) {
      if (!this.#userOf.has(id) && revokedAtMs < nowMs - dayMs) this.#revoked.delete(id)
    }
    return !isFull()
  }

  /** Resolves when the credential of this user is issued, and at the latest after `waitMs`. */
  async #arrival(user: string): Promise<void> {
    const arrivals = this.#waiting.get(user) ?? new Set()
    this.#waiting.set(user, arrivals)
    this.#waitingCount += 1
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const arrive = (): void => {
      resolve(undefined)
    }
    arrivals.add(arrive)
    const timer = setTimeout(arrive, this.#waitMs)
    await promise
    clearTimeout(timer)
    this.#waitingCount -= 1
    arrivals.delete(arrive)
    if (arrivals.size === 0) this.#waiting.delete(user)
  }
}

const dayMs = 86_400_000
