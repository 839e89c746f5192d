import type { FastifyInstance, FastifyRequest } from 'fastify'

import type { Actor } from '../../schemas/event.ts'
import { Problem } from './problem.ts'
import type { SignIns } from './sign-ins.ts'
import type { TokenIdentity, TokenVerifier } from './tokens.ts'

export const signInCookie = 'affidavit_sign_in'

/** Who calls: somebody with a token, or somebody who signed in to the console. */
export interface Caller {
  readonly actor: Actor
  /** Null for a console sign-in. */
  readonly token: TokenIdentity | null
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Throws a `Problem` when nobody is signed in. */
    caller(): Promise<Caller>
    /** As `caller`, but only for people: an agent may not read the evidence about itself. */
    reader(): Promise<Actor>
  }
}

export function identifyCallers(
  app: FastifyInstance,
  signIns: SignIns,
  tokens: TokenVerifier,
): void {
  app.decorateRequest('caller', async function caller(this: FastifyRequest): Promise<Caller> {
    const authorization = this.headers.authorization
    if (authorization !== undefined) {
      const [scheme, token] = authorization.split(' ')
      if (scheme?.toLowerCase() !== 'bearer' || token === undefined) {
        throw new Problem('not-signed-in', 'expected the header Authorization: Bearer TOKEN')
      }
      const identity = await tokens.verify(token)
      return { actor: identity.actor, token: identity }
    }
    const id = this.cookies[signInCookie]
    const signIn = id === undefined ? null : signIns.find(id)
    if (signIn === null) throw new Problem('not-signed-in', 'sign in at /auth/login')
    return { actor: signIn.actor, token: null }
  })
  app.decorateRequest('reader', async function reader(this: FastifyRequest): Promise<Actor> {
    const { actor } = await this.caller()
    if (actor.kind !== 'human') {
      throw new Problem('not-allowed', 'evidence is read by people, not by agents')
    }
    return actor
  })
}

/**
 * A browser sends cookies along with requests that other sites make. The cookie is SameSite=Lax, and whatever changes something
 * must also come from our own origin.
 */
export function refuseCrossSite(app: FastifyInstance, publicUrl: string): void {
  const ownOrigin = new URL(publicUrl).origin
  app.addHook('onRequest', (request, _reply, done) => {
    const safe = request.method === 'GET' || request.method === 'HEAD'
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
