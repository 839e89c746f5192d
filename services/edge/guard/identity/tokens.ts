import { errors, jwtVerify } from 'jose'
import type { JWTPayload, ProtectedHeaderParameters } from 'jose'

import type { Actor } from '../../../../schemas/event.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { TokenLimits } from '../../../runtime/config.ts'
import { ClaimsError, actorOfClaims, claimAt } from './actor-of-claims.ts'
import type { ClaimsMapping } from './actor-of-claims.ts'
import { IssuerUnavailable } from './token-issuer.ts'
import type { TokenIssuer } from './token-issuer.ts'

/** What a verified token says. */
export interface TokenIdentity {
  readonly actor: Actor
  readonly tokenId: string | null
  readonly expiresAtMs: number
}

export interface TokenRules extends ClaimsMapping, TokenLimits {
  /** Whom tokens are for where no other audience is asked for. */
  readonly audience: string
}

/** A token is not taken. Why is for the evidence: to whoever sent it, it says nothing. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal'
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(`a token was refused: ${reason}`, options)
    this.reason = reason
  }
}

/** Checks access tokens (RFC 9068) of one issuer. */
export class TokenVerifier {
  readonly #rules: TokenRules
  readonly #issuer: () => Promise<TokenIssuer>
  readonly #clock: Clock

  constructor(rules: TokenRules, issuer: () => Promise<TokenIssuer>, clock: Clock) {
    this.#rules = rules
    this.#issuer = issuer
    this.#clock = clock
  }

  /** Throws a `TokenRefusal`. */
  async verify(token: string, audience = this.#rules.audience): Promise<TokenIdentity> {
    const { algorithms, clockSkewMs, tokenIdClaim } = this.#rules
    const { issuer, keys } = await this.#issuer().catch((cause: unknown) => {
      throw cause instanceof IssuerUnavailable
        ? new TokenRefusal(keysUnavailable, { cause })
        : cause
    })
    const nowMs = this.#clock.nowMs()
    const { payload: claims, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: clockSkewMs / 1000,
      currentDate: new Date(nowMs),
    }).catch((cause: unknown) => {
      throw new TokenRefusal(reasonOf(cause), { cause })
    })
    const expiresAtMs = this.#checkTimes(claims, nowMs)
    checkType(protectedHeader)
    const tokenId = claimAt(claims, tokenIdClaim) ?? null
    if (tokenId !== null && (typeof tokenId !== 'string' || tokenId === '')) {
      throw new TokenRefusal('token_id_malformed')
    }
    try {
      return { actor: actorOfClaims(claims, this.#rules), tokenId, expiresAtMs }
    } catch (cause) {
      if (cause instanceof ClaimsError) throw new TokenRefusal(cause.message, { cause })
      throw cause
    }
  }

  /** Clocks may differ by the skew about the beginning; the end is the end. */
  #checkTimes({ exp = 0, iat = 0 }: JWTPayload, nowMs: number): number {
    const { clockSkewMs, longestLifeMs } = this.#rules
    const expiresAtMs = exp * 1000
    const issuedAtMs = iat * 1000
    // Negated, so that what is no number fails too.
    if (!(expiresAtMs > nowMs)) throw new TokenRefusal('expired')
    if (!(issuedAtMs <= nowMs + clockSkewMs)) throw new TokenRefusal('issued_in_the_future')
    if (!(expiresAtMs - issuedAtMs <= longestLifeMs)) throw new TokenRefusal('lives_too_long')
    return expiresAtMs
  }
}

/** RFC 9068 §2.1, and `JWT`, which many issuers still write there. Whatever else it is, it is no access token. */
function checkType({ typ }: ProtectedHeaderParameters): void {
  if (typ === undefined) return
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : ''
  if (type !== 'at+jwt' && type !== 'jwt') throw new TokenRefusal('type_differs')
}

function reasonOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'expired'
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return `claim ${cause.claim} ${cause.reason}`
  }
  if (cause instanceof errors.JOSEAlgNotAllowed) return 'algorithm_not_allowed'
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'signature_wrong'
  if (cause instanceof errors.JWKSNoMatchingKey) return 'key_unknown'
  if (cause instanceof errors.JWKSTimeout || cause instanceof TypeError) return keysUnavailable
  if (cause instanceof errors.JWKSInvalid) return keysUnavailable
  // The response of the issuer was not what it should be.
  if (cause instanceof errors.JOSEError && cause.code === 'ERR_JOSE_GENERIC') return keysUnavailable
  return 'malformed'
}

export const keysUnavailable = 'keys_unavailable'
