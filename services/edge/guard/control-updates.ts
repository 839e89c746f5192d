import type { KeyObject } from 'node:crypto'
import { openControlRecord } from '../../../schemas/control-record.ts'
import type { OpenedControlRecord } from '../../../schemas/control-record.ts'
import { controlKey, tokenSha256 } from '../../../schemas/control.ts'
import type { ControlUpdate } from '../../../schemas/control.ts'
import type { Bus, StoredRecord } from '../../bus/bus.ts'
import { followTopic } from '../../bus/follow-topic.ts'
import type { Following } from '../../bus/follow-topic.ts'
import { topics } from '../../bus/topics.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { HeldRequests } from './approvals/held-requests.ts'
import type { IssuedCredentials } from './issued-credentials.ts'
import type { UsedTokens } from './identity/used-tokens.ts'
import type { Lockouts } from './lockouts.ts'
import { compilePolicy, loadPolicy } from './policy.ts'
import type { PolicyInForce } from './policy-in-force.ts'

export interface ControlUpdatesOptions {
  readonly bus: Bus
  /** The consumer group: nobody else's, since each edge reads all updates for itself. */
  readonly group: string
  /** The api's public key, Ed25519. */
  readonly verifyKey: KeyObject
  readonly credentials: IssuedCredentials
  /** Null where no token is taken as password. */
  readonly usedTokens: UsedTokens | null
  readonly lockouts: Lockouts
  readonly policies: PolicyInForce
  readonly held: HeldRequests
  readonly logger: Logger
}

export type ControlOutcome =
  | { readonly ok: true; readonly kind: ControlUpdate['kind'] }
  | {
      readonly ok: false
      readonly reason:
        | Extract<OpenedControlRecord, { ok: false }>['reason']
        | 'old_version'
        | 'policy_invalid'
        | 'not_applied'
    }

/**
 * Applies what the api says on `control.updates`, from the oldest record on at each start, since the newest of a key counts.
 * Whatever is not signed by the api's key, or is no newer than the last of its key, changes nothing: the last good policy stays.
 */
export class ControlUpdates {
  readonly #options: ControlUpdatesOptions
  readonly #versions = new Map<string, number>()

  constructor(options: ControlUpdatesOptions) {
    this.#options = options
  }

  /** Follows the topic until the signal aborts. */
  follow(signal: AbortSignal): Following {
    const { bus, group } = this.#options
    const take = (record: StoredRecord): void => this.#report(this.apply(record), record)
    return followTopic({ bus, group, topic: topics.controlUpdates, take, signal })
  }

  apply(record: Pick<StoredRecord, 'key' | 'value'>): ControlOutcome {
    const opened = openControlRecord(record, this.#options.verifyKey)
    if (!opened.ok) return opened
    const { update } = opened
    const key = controlKey(update)
    if (update.version <= (this.#versions.get(key) ?? -1))
      return { ok: false, reason: 'old_version' }
    const outcome = this.#take(update)
    if (outcome.ok) this.#remember(key, update.version)
    return outcome
  }

  #take(update: ControlUpdate): ControlOutcome {
    const { credentials, usedTokens, lockouts, policies, held } = this.#options
    switch (update.kind) {
      case 'credential': {
        const { token_id: tokenId, token_expires_at: tokenEndMs } = update
        if (tokenId !== undefined) {
          usedTokens?.note(tokenSha256(tokenId), tokenEndMs ?? update.expires_at)
        }
        const applied = credentials.issue(update)
        if (applied === 'applied' || applied === 'expired') return { ok: true, kind: update.kind }
        return { ok: false, reason: 'not_applied' }
      }
      case 'revocation':
        credentials.revoke(update)
        return { ok: true, kind: update.kind }
      case 'override':
        held.overrides.apply(update)
        return { ok: true, kind: update.kind }
      case 'lockout':
        return lockouts.apply(update) === 'full'
          ? { ok: false, reason: 'not_applied' }
          : { ok: true, kind: update.kind }
      case 'token':
        usedTokens?.note(update.token_sha256, update.expires_at)
        return { ok: true, kind: update.kind }
      case 'policy': {
        const loaded = loadPolicy(update.text, 'policy.yaml')
        if (!loaded.ok) return { ok: false, reason: 'policy_invalid' }
        policies.replace(compilePolicy(loaded.policy))
        return { ok: true, kind: update.kind }
      }
      case 'approval': {
        const applied = held.apply(update)
        // Each edge hears the answers to all of them, at each start those of before as well.
        const isOfOthers = applied === 'not_ours' || applied === 'not_asked'
        if (applied === 'applied' || applied === 'repeated' || isOfOthers)
          return { ok: true, kind: update.kind }
        return { ok: false, reason: 'not_applied' }
      }
    }
  }

  /** Versions of credentials are kept for as many as there can be; the policy's always. */
  #remember(key: string, version: number): void {
    this.#versions.set(key, version)
    if (this.#versions.size <= mostVersions) return
    for (const oldest of this.#versions.keys()) {
      if (oldest === 'policy') continue
      this.#versions.delete(oldest)
      return
    }
  }

  #report(outcome: ControlOutcome, record: StoredRecord): void {
    const { logger } = this.#options
    const at = { offset: String(record.offset) }
    if (outcome.ok) logger.debug({ ...at, kind: outcome.kind }, 'control update applied')
    else if (outcome.reason === 'old_version') logger.debug(at, 'control update is an old one')
    // What it was about has ended of itself; without a signature it could take nothing away that has not.
    else if (outcome.reason === 'erased') logger.debug(at, 'control update was erased')
    else logger.error({ ...at, reason: outcome.reason }, 'control update refused')
  }
}

const mostVersions = 200_000
