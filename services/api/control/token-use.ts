import { setTimeout as pause } from 'node:timers/promises'

import type { ControlState } from './control-state.ts'

export type TokenUseOutcome =
  | { readonly ok: true; readonly use: Disposable }
  | {
      readonly ok: false
      readonly reason: 'token_id_missing' | 'token_used' | 'uses_at_edges_unknown'
    }

const longestWaitMs = 10_000

/**
 * One token, one session password. Which tokens were used stands on `control.updates` for as long as they are good, so a restart
 * forgets none; here are only those that are being exchanged at this moment.
 */
export class TokenUse {
  readonly #state: ControlState
  readonly #beingUsed = new Set<string>()
  readonly #caughtUp: Promise<boolean>
  readonly #waitMs: number

  /** `caughtUp` resolves when it is known which tokens edges took before the start; until then none is exchanged. */
  constructor(state: ControlState, caughtUp: Promise<void>, waitMs = longestWaitMs) {
    this.#state = state
    this.#waitMs = waitMs
    this.#caughtUp = caughtUp.then(
      () => true,
      () => false,
    )
  }

  /** The caller disposes of the use when it has published the password, or has given up. Resolves after `waitMs` at the latest. */
  async begin(tokenId: string | null): Promise<TokenUseOutcome> {
    if (tokenId === null) return { ok: false, reason: 'token_id_missing' }
    if (!(await this.#isCaughtUp())) return { ok: false, reason: 'uses_at_edges_unknown' }
    if (this.#state.isUsed(tokenId) || this.#beingUsed.has(tokenId)) {
      return { ok: false, reason: 'token_used' }
    }
    this.#beingUsed.add(tokenId)
    return { ok: true, use: { [Symbol.dispose]: () => this.#beingUsed.delete(tokenId) } }
  }

  async #isCaughtUp(): Promise<boolean> {
    const stop = new AbortController()
    const late = pause(this.#waitMs, false, { signal: stop.signal }).catch(() => false)
    const isCaughtUp = await Promise.race([this.#caughtUp, late])
    stop.abort()
    return isCaughtUp
  }
}
