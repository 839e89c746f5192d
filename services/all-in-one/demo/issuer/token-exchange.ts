import { createLocalJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload } from 'jose'
import { errors } from 'oidc-provider'
import type { Provider, ResourceServer, TokenEndpointGrantContext } from 'oidc-provider'
import { delegationScope } from './issuer-interactions.ts'

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const idTokenType = 'urn:ietf:params:oauth:token-type:id_token'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

const parameters = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'resource',
  'audience',
  'scope',
] as const

/** RFC 8693 §4.1: who acts; what is nested acted earlier. */
interface ActClaim {
  readonly sub: string
  readonly act?: ActClaim
}

export interface TokenExchange {
  /** The `act` claim of a token that came from an exchange. */
  actOf(token: object): ActClaim | undefined
}

export interface TokenExchangeOptions {
  readonly issuer: string
  readonly publicKeys: JSONWebKeySet
  readonly audience: string
  readonly resourceServer: ResourceServer
  readonly longestSeconds: number
  readonly accountExists: (subject: string) => boolean
}

/**
 * RFC 8693 with the authenticated client as the actor: a person's token becomes a token of the same person in which the client acts.
 * A person's access token is taken only with the scope the person consented to for that, an ID token only when it was issued to this
 * client; so neither a token that leaked nor one meant for the console makes anybody an agent. The result never outlives its origin.
 */
export function registerTokenExchange(
  provider: Provider,
  options: TokenExchangeOptions,
): TokenExchange {
  const acts = new WeakMap<object, ActClaim>()
  const keys = createLocalJWKSet(options.publicKeys)

  const handle = async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const { client, params } = ctx.oidc
    const parameter = (name: (typeof parameters)[number]): string | undefined => {
      const value: unknown = params[name]
      return typeof value === 'string' && value !== '' ? value : undefined
    }
    const subjectToken = parameter('subject_token')
    const subjectTokenType = parameter('subject_token_type')
    if (subjectToken === undefined || subjectTokenType === undefined) {
      throw new errors.InvalidRequest('subject_token and subject_token_type are required')
    }
    const requested = parameter('requested_token_type') ?? accessTokenType
    if (requested !== accessTokenType && requested !== jwtType) {
      throw new errors.InvalidRequest('requested_token_type must be an access token')
    }
    for (const target of [parameter('resource'), parameter('audience')]) {
      if (target !== undefined && target !== options.audience) throw new errors.InvalidTarget()
    }
    const claims = await verify(subjectToken, subjectTokenType, client.clientId)
    const subject = claims.sub ?? ''
    if (!options.accountExists(subject))
      throw new errors.InvalidGrant('subject_token is no person’s')

    const token = new provider.AccessToken({
      accountId: subject,
      client,
      // No stored grant stands behind it: the token is signed, short-lived and never looked up.
      grantId: 'token-exchange',
      gty: 'token_exchange',
      resourceServer: new provider.ResourceServer(options.audience, {
        ...options.resourceServer,
        accessTokenTTL: Math.min(
          options.longestSeconds,
          Math.max(1, (claims.exp ?? 0) - Math.floor(Date.now() / 1000)),
        ),
      }),
    })
    const earlier = claims['act'] as ActClaim | undefined
    acts.set(token, { sub: client.clientId, ...(earlier === undefined ? {} : { act: earlier }) })
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: accessTokenType,
      token_type: 'Bearer',
      expires_in: token.expiration,
    }
  }

  const verify = async (token: string, type: string, clientId: string): Promise<JWTPayload> => {
    if (type !== accessTokenType && type !== idTokenType) {
      throw new errors.InvalidRequest('subject_token_type must be an access token or an ID token')
    }
    const isAccessToken = type === accessTokenType
    let claims: JWTPayload
    try {
      const verified = await jwtVerify(token, keys, {
        issuer: options.issuer,
        audience: isAccessToken ? options.audience : clientId,
        requiredClaims: ['sub', 'exp'],
        ...(isAccessToken ? { typ: 'at+jwt' } : {}),
      })
      // An access token could name the client as audience, but is no ID token.
      if (!isAccessToken && verified.protectedHeader.typ === 'at+jwt') throw new TypeError('typ')
      claims = verified.payload
    } catch (cause) {
      const refusal = new errors.InvalidGrant('subject_token is not a valid token of this issuer')
      refusal.cause = cause
      throw refusal
    }
    const scopes = typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : []
    if (isAccessToken && !scopes.includes(delegationScope)) {
      throw new errors.InvalidGrant(
        `the person did not consent to an agent acting for them (scope ${delegationScope})`,
      )
    }
    return claims
  }

  provider.registerGrantType(tokenExchangeGrant, handle, parameters)
  return { actOf: (token) => acts.get(token) }
}
