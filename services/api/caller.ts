import type { FastifyInstance, FastifyRequest } from 'fastify'

import type { Actor } from '../../schemas/event.ts'
import { keysUnavailable, TokenRefusal } from '../edge/guard/identity/tokens.ts'
import type { TokenIdentity, TokenVerifier } from '../edge/guard/identity/tokens.ts'
import type { Lockouts } from '../edge/guard/lockouts.ts'
import type { Clock } from '../runtime/clock.ts'
import type { RoleGroups } from '../runtime/config.ts'
import type { ActionAudit } from './action-audit.ts'
import { Problem } from './problem.ts'
import { permits, rolesOf } from './roles.ts'
import type { Permission } from './roles.ts'
import type { SignIns } from './sign-ins.ts'

export const signInCookie = 'affidavit_sign_in'

/** Who calls: somebody with a token, or somebody who signed in to the console. */
export interface Caller {
  readonly actor: Actor
  /** Null for a console sign-in. */
  readonly token: TokenIdentity | null
  /** Whether it is still so: not signed out, not expired, not locked out. For answers that go on. */
  readonly isCurrent: () => boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Throws a `Problem` when nobody is signed in. A token must be for `audience`; default: for the api. */
    caller(audience?: string): Promise<Caller>
    /** As `caller`, but only for a person whose roles permit it. A refusal is recorded. */
    permitted(permission: Permission): Promise<Actor>
  }

  interface FastifyContextConfig {
    /** A request of this route changes nothing, whatever its method, and shows nothing that is not public. */
    readonly changesNothing?: true
  }
}

export interface CallersOptions {
  readonly signIns: SignIns
  readonly tokens: TokenVerifier
  readonly roles: RoleGroups
  readonly lockouts: Lockouts
  readonly audit: ActionAudit
  readonly clock: Clock
}

export function identifyCallers(app: FastifyInstance, options: CallersOptions): void {
  const { signIns, tokens, roles, lockouts, audit, clock } = options
  const isLockedOut = (actor: Actor): boolean =>
    lockouts.find({ actor, target: null, sessionId: null }) !== null
  const refuseLockedOut = async (
    request: FastifyRequest,
    actor: Actor,
    token: TokenIdentity | null,
    isGood: () => boolean,
  ): Promise<Caller> => {
    if (!isLockedOut(actor)) {
      return { actor, token, isCurrent: () => isGood() && !isLockedOut(actor) }
    }
    await audit.record(request, actor, {
      type: 'access.denied',
      auth: { method: 'none', credential_id: null, reason: 'actor_locked_out' },
    })
    throw new Problem('locked-out', 'you, or somebody you act for; ask your security team')
  }
  app.decorateRequest(
    'caller',
    async function caller(this: FastifyRequest, audience?: string): Promise<Caller> {
      const authorization = this.headers.authorization
      if (authorization !== undefined) {
        const [scheme, token] = authorization.split(' ')
        if (scheme?.toLowerCase() !== 'bearer' || token === undefined) {
          throw new Problem('not-signed-in', 'expected the header Authorization: Bearer TOKEN')
        }
        const identity = await tokens
          .verify(token, audience)
          .catch((cause: unknown) => refuseToken(this, audit, cause))
        const isGood = (): boolean => clock.nowMs() < identity.expiresAtMs
        return refuseLockedOut(this, identity.actor, identity, isGood)
      }
      const id = this.cookies[signInCookie] ?? ''
      const signIn = signIns.find(id)
      if (signIn === null) throw new Problem('not-signed-in', 'sign in at /auth/login')
      return refuseLockedOut(this, signIn.actor, null, () => signIns.find(id) === signIn)
    },
  )
  app.decorateRequest(
    'permitted',
    async function permitted(this: FastifyRequest, permission: Permission): Promise<Actor> {
      const { actor } = await this.caller()
      // An agent may not read the evidence about itself, nor answer for a person.
      const check =
        actor.kind === 'human'
          ? permits(rolesOf(actor.groups, roles), permission)
          : ({ ok: false, reason: 'this is for people, not for agents' } as const)
      if (check.ok) return actor
      await audit.record(this, actor, {
        type: 'access.denied',
        auth: { method: 'role', credential_id: null, reason: `${permission}: ${check.reason}` },
      })
      throw new Problem('not-allowed', check.reason)
    },
  )
}

/** Why a token is refused is recorded, and not told to whoever sent it. */
async function refuseToken(
  request: FastifyRequest,
  audit: ActionAudit,
  cause: unknown,
): Promise<never> {
  if (!(cause instanceof TokenRefusal)) throw cause
  const { reason } = cause
  await audit.record(request, null, {
    type: 'auth.failed',
    auth: { method: 'token', credential_id: null, reason },
  })
  if (reason === keysUnavailable) {
    throw new Problem('unavailable', 'the keys of the issuer cannot be had now', { cause })
  }
  throw new Problem('token-refused', 'sign in again; the evidence says why', { cause })
}

/**
 * A browser sends cookies along with requests that other sites make. The cookie is SameSite=Lax, and whatever changes something
 * must also come from our own origin.
 */
export function refuseCrossSite(app: FastifyInstance, publicUrl: string): void {
  const ownOrigin = new URL(publicUrl).origin
  app.addHook('onRequest', (request, _reply, done) => {
    const safe =
      request.method === 'GET' ||
      request.method === 'HEAD' ||
      request.routeOptions.config.changesNothing === true
    const origin = request.headers.origin
    if (!safe && origin !== undefined && origin !== ownOrigin) {
      done(new Problem('cross-site', `its origin is not ${ownOrigin}`))
      return
    }
    if (!safe && origin === undefined && request.headers.authorization === undefined) {
      done(new Problem('cross-site', 'it names no origin'))
      return
    }
    done()
  })
}
