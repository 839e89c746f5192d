import type { Actor } from '../../../../schemas/event.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Admission } from '../credentials.ts'
import { TokenRefusal } from './tokens.ts'
import type { TokenVerifier } from './tokens.ts'
import type { UseOutcome, UsedTokens } from './used-tokens.ts'

export interface TokenPasswordsOptions {
  /** Takes tokens whose audience is the target. */
  readonly verifier: TokenVerifier
  readonly used: UsedTokens
  /** Whether a token opens one session and no second one; then it has to have an id. */
  readonly isSingleUse: boolean
  readonly newId: () => string
  readonly logger: Logger
}

export type TokenPasswordOutcome =
  | { readonly ok: true; readonly admission: Admission; readonly tokenId: string | null }
  | {
      readonly ok: false
      /** For the evidence; it quotes nothing of the token. */
      readonly reason: string
      /** Who it is, where the token is good and yet not taken. */
      readonly actor: Actor | null
    }

/** Takes tokens of the issuer as passwords of one target, by the rules by which the api exchanges them for session passwords. */
export class TokenPasswords {
  readonly #options: TokenPasswordsOptions

  constructor(options: TokenPasswordsOptions) {
    this.#options = options
  }

  /** Resolves within some ten seconds, also when the issuer is away. */
  async take(token: string): Promise<TokenPasswordOutcome> {
    const { verifier, isSingleUse, newId } = this.#options
    try {
      const { actor, tokenId, expiresAtMs } = await verifier.verify(token)
      if (isSingleUse) {
        if (tokenId === null) return { ok: false, reason: 'token_id_missing', actor }
        const use = await this.#use(tokenId)
        if (!use.ok) return { ok: false, reason: use.reason, actor }
      }
      const admission: Admission = {
        credentialId: newId(),
        means: 'token',
        actor,
        purpose: null,
        database: null,
        expiresAtMs,
      }
      return { ok: true, admission, tokenId }
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      return { ok: false, reason: error.reason, actor: null }
    }
  }

  async #use(
    tokenId: string,
  ): Promise<UseOutcome | { readonly ok: false; readonly reason: string }> {
    const { used, logger } = this.#options
    try {
      return await used.use(tokenId)
    } catch (error) {
      logger.error({ err: error }, 'a token is refused, since it cannot be kept that it was used')
      return { ok: false, reason: 'use_not_kept' }
    }
  }
}
