import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as oidc from 'openid-client'

import type { Actor } from '../../../schemas/event.ts'
import { ClaimsError, actorOfClaims } from '../../edge/guard/identity/actor-of-claims.ts'
import type { ClaimsMapping } from '../../edge/guard/identity/actor-of-claims.ts'
import type { ActionAudit } from '../action-audit.ts'
import { signInCookie } from '../caller.ts'
import { Problem } from '../problem.ts'
import { Me } from '../schemas/identity.ts'
import { rolesOf } from '../roles.ts'
import type { SignIns } from '../sign-ins.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { RoleGroups } from '../../runtime/config.ts'

export interface AuthRoutesOptions {
  readonly issuer: oidc.Configuration
  readonly mapping: ClaimsMapping
  readonly roles: RoleGroups
  readonly publicUrl: string
  readonly signIns: SignIns
  readonly audit: ActionAudit
  readonly clock: Clock
}

const loginMs = 600_000
const signInMs = 8 * 3_600_000

/** Sign-in to the console: OpenID Connect, authorization code with PKCE. */
export function authRoutes(app: FastifyInstance, options: AuthRoutesOptions): void {
  const { issuer, signIns, audit, clock } = options
  const redirectUri = new URL('/auth/callback', options.publicUrl).href
  const secure = options.publicUrl.startsWith('https://')
  const cookie = { path: '/', httpOnly: true, sameSite: 'lax', secure } as const
  const loginCookie = { ...cookie, path: '/auth/callback' }

  app.get('/auth/login', { schema: { hide: true } }, async (request, reply) => {
    const state = oidc.randomState()
    const nonce = oidc.randomNonce()
    const codeVerifier = oidc.randomPKCECodeVerifier()
    const returnTo = localPath((request.query as { return?: unknown }).return)
    signIns.begin(state, { nonce, codeVerifier, returnTo, expiresAtMs: clock.nowMs() + loginMs })
    const url = oidc.buildAuthorizationUrl(issuer, {
      redirect_uri: redirectUri,
      scope: 'openid profile',
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    })
    // Binds the answer to the browser that asked: somebody else's answer cannot be slipped to it.
    return reply
      .setCookie(loginCookieOf(state), state, { ...loginCookie, maxAge: loginMs / 1000 })
      .redirect(url.href)
  })

  app.get('/auth/callback', { schema: { hide: true } }, async (request, reply) => {
    const { state } = request.query as { state?: unknown }
    const isOfThisBrowser =
      typeof state === 'string' && request.cookies[loginCookieOf(state)] === state
    const pending = isOfThisBrowser ? signIns.take(state) : null
    if (!isOfThisBrowser || pending === null) {
      throw new Problem(
        'not-signed-in',
        'this sign-in took too long or began elsewhere; go to /auth/login',
      )
    }
    const actor = await readActor(request, state, pending).catch(async (cause: unknown) => {
      const reason = whyNot(cause)
      await audit.record(request, null, {
        type: 'auth.failed',
        auth: { method: 'oidc', credential_id: null, reason },
      })
      throw new Problem('not-signed-in', `${reason}; try again`, { cause })
    })
    await audit.record(request, actor, {
      type: 'auth.succeeded',
      auth: { method: 'oidc', credential_id: null, reason: null },
    })
    const id = signIns.add({ actor, expiresAtMs: clock.nowMs() + signInMs })
    return reply
      .clearCookie(loginCookieOf(state), loginCookie)
      .setCookie(signInCookie, id, { ...cookie, maxAge: signInMs / 1000 })
      .redirect(pending.returnTo)
  })

  app.post('/auth/logout', { schema: { hide: true } }, async (request, reply) => {
    const id = request.cookies[signInCookie]
    const signIn = id === undefined ? null : signIns.find(id)
    if (id !== undefined) signIns.remove(id)
    if (signIn !== null) {
      await audit.record(request, signIn.actor, {
        type: 'access.revoked',
        auth: { method: 'oidc', credential_id: null, reason: 'signed out' },
      })
    }
    return reply.clearCookie(signInCookie, cookie).code(204).send()
  })

  app.get(
    '/v1/me',
    { schema: { summary: 'Who is signed in', response: { 200: Me } } },
    async (request) => {
      const { actor } = await request.caller()
      return {
        subject: actor.subject,
        display: actor.display,
        groups: [...actor.groups],
        roles: [...rolesOf(actor.groups, options.roles)],
        kind: actor.kind,
      }
    },
  )

  async function readActor(
    request: FastifyRequest,
    state: string,
    pending: { readonly nonce: string; readonly codeVerifier: string },
  ): Promise<Actor> {
    const tokens = await oidc.authorizationCodeGrant(
      issuer,
      new URL(request.url, options.publicUrl),
      {
        expectedState: state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.codeVerifier,
      },
    )
    const claims = tokens.claims()
    if (claims === undefined) throw new Error('the issuer sent no ID token')
    // Many issuers put name and groups into the user info only.
    const info = await oidc.fetchUserInfo(issuer, tokens.access_token, claims.sub)
    return actorOfClaims({ ...info, ...claims }, options.mapping)
  }
}

function whyNot(cause: unknown): string {
  return cause instanceof ClaimsError ? cause.message : 'the issuer did not confirm the sign-in'
}

/** Each sign-in has a cookie of its own: several may be under way, each on a page of its own. */
function loginCookieOf(state: string): string {
  return `affidavit_login_${state.replaceAll(/[^\w-]/g, '').slice(0, 16)}`
}

/** A path of our own; anything else would make the sign-in an open redirect. */
function localPath(value: unknown): string {
  return typeof value === 'string' && /^\/(?![/\\])[\w\-./?=&%+:~]*$/.test(value) ? value : '/'
}
