import type { ControlState } from './control-state.ts'

export type TokenUseOutcome =
  | { readonly ok: true; readonly use: Disposable }
  | { readonly ok: false; readonly reason: 'token_id_missing' | 'token_used' }

/**
 * One token, one session password. Which tokens were used stands on `control.updates` for as long as they are good, so a restart
 * forgets none; here are only those that are being exchanged at this moment.
 */
export class TokenUse {
  readonly #state: ControlState
  readonly #beingUsed = new Set<string>()

  constructor(state: ControlState) {
    this.#state = state
  }

  /** The caller disposes of the use when it has published the password, or has given up. */
  begin(tokenId: string | null): TokenUseOutcome {
    if (tokenId === null) return { ok: false, reason: 'token_id_missing' }
    if (this.#state.isUsed(tokenId) || this.#beingUsed.has(tokenId)) {
      return { ok: false, reason: 'token_used' }
    }
    this.#beingUsed.add(tokenId)
    return { ok: true, use: { [Symbol.dispose]: () => this.#beingUsed.delete(tokenId) } }
  }
}
