import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { controlKey, controlSignedText } from '../../../schemas/control.ts'
import type { ControlUpdate } from '../../../schemas/control.ts'
import type { Bus, StoredRecord } from '../../bus/bus.ts'
import { topics } from '../../bus/topics.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { HeldRequests } from './approvals/held-requests.ts'
import { decodeControlUpdate } from './control-record.ts'
import type { IssuedCredentials } from './issued-credentials.ts'
import { compilePolicy, loadPolicy } from './policy.ts'
import type { PolicyInForce } from './policy-in-force.ts'

export interface ControlUpdatesOptions {
  readonly bus: Bus
  /** The consumer group: nobody else's, since each edge reads all updates for itself. */
  readonly group: string
  /** The api's public key, Ed25519. */
  readonly verifyKey: KeyObject
  readonly credentials: IssuedCredentials
  readonly policies: PolicyInForce
  readonly held: HeldRequests
  readonly logger: Logger
}

export type ControlOutcome =
  | { readonly ok: true; readonly kind: ControlUpdate['kind'] }
  | {
      readonly ok: false
      readonly reason:
        | 'malformed'
        | 'bad_signature'
        | 'wrong_key'
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
  readonly #caughtUp = Promise.withResolvers<undefined>()
  #behind: Map<number, bigint> | null = null

  constructor(options: ControlUpdatesOptions) {
    this.#options = options
  }

  /** Resolves once everything that was on the topic when `run` began has been applied. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise
  }

  /** Follows the topic until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { bus, group } = this.#options
    this.#behind = await this.#ends()
    this.#noteProgress()
    await using consumer = bus.consumer({
      group,
      topics: [topics.controlUpdates],
      startAt: () => Promise.resolve('oldest'),
    })
    await consumer.run((batch) => {
      for (const record of batch.records) this.#report(this.apply(record), record)
      const next = (batch.records.at(-1)?.offset ?? -1n) + 1n
      if (next >= (this.#behind?.get(batch.partition) ?? 0n)) this.#behind?.delete(batch.partition)
      this.#noteProgress()
      return Promise.resolve({ commit: next })
    }, signal)
  }

  apply(record: Pick<StoredRecord, 'key' | 'value'>): ControlOutcome {
    const { verifyKey } = this.#options
    const decoded = decodeControlUpdate(record.value)
    if (decoded === null) return { ok: false, reason: 'malformed' }
    const { update, signedText, signature } = decoded
    if (!verify(null, controlSignedText(signedText), verifyKey, signature)) {
      return { ok: false, reason: 'bad_signature' }
    }
    const key = controlKey(update)
    // A record under another key would outlive the one it replaces.
    if (record.key.toString('utf8') !== key) return { ok: false, reason: 'wrong_key' }
    if (update.version <= (this.#versions.get(key) ?? -1))
      return { ok: false, reason: 'old_version' }
    const outcome = this.#take(update)
    if (outcome.ok) this.#remember(key, update.version)
    return outcome
  }

  #take(update: ControlUpdate): ControlOutcome {
    const { credentials, policies, held } = this.#options
    switch (update.kind) {
      case 'credential': {
        const applied = credentials.issue(update)
        if (applied === 'applied' || applied === 'expired') return { ok: true, kind: update.kind }
        return { ok: false, reason: 'not_applied' }
      }
      case 'revocation':
        credentials.revoke(update)
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
        if (applied === 'applied' || isOfOthers) return { ok: true, kind: update.kind }
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
    else logger.error({ ...at, reason: outcome.reason }, 'control update refused')
  }

  async #ends(): Promise<Map<number, bigint>> {
    const { bus } = this.#options
    const ends = new Map<number, bigint>()
    const partitions = await bus.partitionsOf(topics.controlUpdates)
    for (let partition = 0; partition < partitions; partition += 1) {
      const { low, high } = await bus.watermarks(topics.controlUpdates, partition)
      if (high > low) ends.set(partition, high)
    }
    return ends
  }

  #noteProgress(): void {
    if (this.#behind?.size === 0) this.#caughtUp.resolve(undefined)
  }
}

const mostVersions = 200_000
