import type { KeyObject } from 'node:crypto'

import { openControlRecord } from '../../../schemas/control-record.ts'
import { controlKey, tokenSha256 } from '../../../schemas/control.ts'
import type { ControlUpdate, CredentialUpdate, LockoutUpdate } from '../../../schemas/control.ts'
import { Overrides } from '../../edge/guard/approvals/overrides.ts'
import { Lockouts } from '../../edge/guard/lockouts.ts'

interface Standing {
  readonly version: number
  /** From then on nobody needs the record any more. Infinite for what is in force until something else is. */
  readonly goneAtMs: number
}

// As many as an edge takes: see IssuedCredentials. What has had its day is cleared away within hours.
const mostRecords = 100_000

/**
 * What the api has told the edges, read back from `control.updates`: there it survives a restart, and nowhere else. It also knows
 * which records have had their day, for `ControlRetention`.
 */
export class ControlState {
  readonly lockouts = new Lockouts()
  readonly overrides = new Overrides()
  readonly #verifyKey: KeyObject
  readonly #standing = new Map<string, Standing>()
  readonly #credentials = new Map<string, CredentialUpdate>()
  /** By `tokenSha256`. */
  readonly #usedTokens = new Set<string>()
  #newestVersion = 0
  #policyText: string | null = null

  constructor(verifyKey: KeyObject) {
    this.#verifyKey = verifyKey
  }

  /** The highest version of any update. */
  get newestVersion(): number {
    return this.#newestVersion
  }

  /** The text of the policy that edges decide by; null when they were never told one. */
  get policyText(): string | null {
    return this.#policyText
  }

  /** How many keys the topic has. */
  get size(): number {
    return this.#standing.size
  }

  /** Whether the topic has so many keys that nothing is added to it that can wait. */
  get isFull(): boolean {
    return this.size >= mostRecords
  }

  /** The session password of this id while it is kept, also when it has expired or was revoked. */
  credential(id: string): CredentialUpdate | null {
    return this.#credentials.get(id) ?? null
  }

  /** Whether a session password was given for this token, or an edge took it; known for as long as the token is good. */
  isUsed(tokenId: string): boolean {
    return this.#usedTokens.has(tokenSha256(tokenId))
  }

  /** A record of the topic. What is not signed changes nothing, as at the edges, except that what was erased is gone. */
  read(record: { readonly key: Buffer; readonly value: Buffer }): void {
    const opened = openControlRecord(record, this.#verifyKey)
    if (opened.ok) this.take(opened.update)
    else if (opened.reason === 'erased') this.#forget(record.key.toString('utf8'))
  }

  take(update: ControlUpdate): void {
    this.#newestVersion = Math.max(this.#newestVersion, update.version)
    const key = controlKey(update)
    if (update.version <= (this.#standing.get(key)?.version ?? -1)) return
    this.#standing.set(key, { version: update.version, goneAtMs: goneAt(update) })
    if (update.kind === 'credential') this.#keep(update)
    else if (update.kind === 'lockout') this.lockouts.apply(update)
    else if (update.kind === 'override') this.overrides.apply(update)
    else if (update.kind === 'policy') this.#policyText = update.text
    else if (update.kind === 'token') this.#usedTokens.add(update.token_sha256)
  }

  /** The keys of records that nobody needs any more. */
  gone(nowMs: number): readonly string[] {
    const keys: string[] = []
    for (const [key, { goneAtMs }] of this.#standing) if (goneAtMs <= nowMs) keys.push(key)
    return keys
  }

  #forget(key: string): void {
    this.#standing.delete(key)
    const [kind, id] = key.split('/')
    if (id === undefined) return
    if (kind === 'override') this.overrides.forget(id)
    if (kind === 'token') this.#usedTokens.delete(id)
    if (kind !== 'credential') return
    const tokenId = this.#credentials.get(id)?.token_id
    this.#credentials.delete(id)
    if (tokenId !== undefined) this.#usedTokens.delete(tokenSha256(tokenId))
  }

  #keep(update: CredentialUpdate): void {
    this.#credentials.set(update.credential_id, update)
    if (update.token_id !== undefined) this.#usedTokens.add(tokenSha256(update.token_id))
  }
}

const hourMs = 3_600_000
// No credential lives longer, and no approval.
const longestLifeMs = 25 * hourMs
// An edge that was cut off for so long has to be started anew to learn of it.
const liftedMs = 7 * 24 * hourMs
// So long it is shown beside those that wait for their review; the ledger tells of it after that.
const reviewedMs = 7 * 24 * hourMs

/** When a record has had its day, with time to spare for clocks that differ. */
function goneAt(update: ControlUpdate): number {
  switch (update.kind) {
    case 'credential':
      return Math.max(update.expires_at, update.token_expires_at ?? 0) + hourMs
    case 'revocation':
    case 'approval':
      return update.version + longestLifeMs
    case 'token':
      return update.expires_at + hourMs
    case 'policy':
      return Infinity
    case 'override':
      return update.review === null ? Infinity : update.review.reviewed_at + reviewedMs
    case 'lockout':
      return lockoutGoneAt(update)
  }
}

function lockoutGoneAt({ subject, lifted, version }: LockoutUpdate): number {
  // No session outlives its password, and none begins again under its id.
  if (subject === 'session') return version + longestLifeMs
  return lifted ? version + liftedMs : Infinity
}
