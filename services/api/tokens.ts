import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'

import type { Actor } from '../../schemas/event.ts'
import type { Clock } from '../runtime/clock.ts'
import { ClaimsError, actorOfClaims } from './actor-of-claims.ts'
import type { ClaimsMapping } from './actor-of-claims.ts'
import { Problem } from './problem.ts'

/** What a verified token says. */
export interface TokenIdentity {
  readonly actor: Actor
  readonly tokenId: string | null
  readonly expiresAtMs: number
}

export interface TokenRules extends ClaimsMapping {
  readonly issuer: string
  readonly audience: string
  readonly jwksUri: string
}

// Asymmetric only: with a shared secret, whoever can check a token can make one.
const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519']
const longestLifeMs = 24 * 3_600_000

/** Checks access tokens (RFC 9068) of one issuer. Keys are fetched when first needed and cached by `jose`. */
export class TokenVerifier {
  readonly #rules: TokenRules
  readonly #keys: JWTVerifyGetKey
  readonly #clock: Clock

  constructor(rules: TokenRules, clock: Clock) {
    this.#rules = rules
    this.#clock = clock
    this.#keys = createRemoteJWKSet(new URL(rules.jwksUri))
  }

  /** Throws a `Problem` that says no more than that the token was refused, and in general terms why. */
  async verify(token: string): Promise<TokenIdentity> {
    let claims: JWTPayload
    try {
      const verified = await jwtVerify(token, this.#keys, {
        issuer: this.#rules.issuer,
        audience: this.#rules.audience,
        algorithms,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(this.#clock.nowMs()),
      })
      claims = verified.payload
    } catch (cause) {
      throw new Problem('token-refused', refusal(cause), { cause })
    }
    const expiresAtMs = (claims.exp ?? 0) * 1000
    if (expiresAtMs - this.#clock.nowMs() > longestLifeMs) {
      throw new Problem('token-refused', 'it lives longer than 24 hours')
    }
    if (claims.jti !== undefined && typeof claims.jti !== 'string') {
      throw new Problem('token-refused', 'its claim jti is not as expected')
    }
    try {
      return { actor: actorOfClaims(claims, this.#rules), tokenId: claims.jti ?? null, expiresAtMs }
    } catch (cause) {
      if (cause instanceof ClaimsError) throw new Problem('token-refused', cause.message, { cause })
      throw cause
    }
  }
}

function refusal(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'it has expired; sign in again'
  if (cause instanceof errors.JWTClaimValidationFailed)
    return `its claim ${cause.claim} is not as expected`
  if (cause instanceof errors.JWKSTimeout || cause instanceof TypeError)
    return 'the keys of the issuer cannot be had now'
  return 'it is not a token that the issuer signed'
}
