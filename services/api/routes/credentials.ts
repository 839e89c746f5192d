import { randomBytes } from 'node:crypto'

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { v7 as uuidv7 } from 'uuid'

import type { Actor } from '../../../schemas/event.ts'
import { deriveScramVerifier } from '../../../schemas/scram-verifier.ts'
import { overdueSentence } from '../../edge/guard/approvals/overrides.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ActionAudit } from '../action-audit.ts'
import type { ControlPublisher } from '../control/control-publisher.ts'
import type { ControlState } from '../control/control-state.ts'
import { Problem } from '../problem.ts'
import { TokenUse } from '../control/token-use.ts'
import { CredentialRequest, SessionPassword } from '../schemas/credentials.ts'

/** A target as somebody who connects sees it. */
export interface ConnectTarget {
  readonly name: string
  readonly kind: string
  readonly host: string
  readonly port: number
  readonly database: string
  /** Whom a token must be for; null: the api. */
  readonly audience: string | null
}

export interface CredentialRoutesOptions {
  readonly targets: readonly ConnectTarget[]
  /** The certificate that the edge shows. */
  readonly edgeCertificatePem: string
  readonly longestMs: number
  /** Whether a token is exchanged once at most. */
  readonly isSingleUse: boolean
  readonly publisher: ControlPublisher
  readonly control: ControlState
  /** Resolves when it is known which tokens edges took as passwords before the start. */
  readonly tokensAtEdges: Promise<void>
  readonly audit: ActionAudit
  readonly clock: Clock
}

/** Exchanges a sign-in for a short-lived session password. The edge learns its verifier, and only after the event is on the bus. */
export const credentialRoutes: FastifyPluginCallbackTypebox<CredentialRoutesOptions> = (
  app,
  options,
  done,
) => {
  const tokenUse = new TokenUse(options.control, options.tokensAtEdges)

  app.post(
    '/v1/credentials',
    {
      schema: {
        summary: 'Exchange the token of the call for a session password',
        body: CredentialRequest,
        response: { 201: SessionPassword },
      },
    },
    async (request, reply) => {
      const target = options.targets.find((each) => each.name === request.body.target)
      const { actor, token } = await request.caller(target?.audience ?? undefined)
      if (token === null)
        throw new Problem('not-signed-in', 'this takes a token, not a console sign-in')
      if (target === undefined) {
        throw new Problem('not-found', `no target is called ${request.body.target}`)
      }
      await refuseWhenLockedOut(request, actor, target.name)
      await refuseWhenReviewIsOverdue(request, actor)
      if (options.control.isFull) {
        throw new Problem(
          'unavailable',
          'there are too many session passwords and used tokens; try again later',
        )
      }
      using _use = options.isSingleUse ? await beginUse(request, actor, token.tokenId) : null
      const expiresAtMs = Math.min(token.expiresAtMs, options.clock.nowMs() + options.longestMs)
      const credentialId = uuidv7()
      const user = `${slug(actor.subject)}.${randomBytes(4).toString('hex')}`
      const password = randomBytes(32).toString('base64url')
      await options.audit.record(request, actor, {
        type: 'credential.issued',
        credential: {
          credential_id: credentialId,
          user,
          token_id: token.tokenId,
          expires_at: expiresAtMs * 1000,
        },
      })
      await options.audit.published()
      await options.publisher.publish({
        kind: 'credential',
        credential_id: credentialId,
        user,
        target: target.name,
        database: request.body.database ?? null,
        purpose: request.body.purpose ?? null,
        actor,
        verifier: deriveScramVerifier(password, randomBytes(16)),
        expires_at: expiresAtMs,
        ...(token.tokenId === null
          ? {}
          : { token_id: token.tokenId, token_expires_at: token.expiresAtMs }),
      })
      return reply.code(201).send({
        credential_id: credentialId,
        target: target.name,
        host: target.host,
        port: target.port,
        database: request.body.database ?? target.database,
        user,
        password,
        ca_pem: options.edgeCertificatePem,
        expires_at: new Date(expiresAtMs).toISOString(),
      })
    },
  )

  app.delete(
    '/v1/credentials/:id',
    {
      schema: {
        summary: 'Revoke a session password of your own; its sessions end',
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { actor } = await request.caller()
      const { id } = request.params
      const credential = options.control.credential(id)
      if (credential === null || ownerOf(credential.actor) !== ownerOf(actor)) {
        throw new Problem('not-found', 'no session password of yours has this id')
      }
      await options.audit.record(request, actor, {
        type: 'access.revoked',
        auth: { method: 'session_password', credential_id: id, reason: 'revoked by its owner' },
      })
      await options.audit.published()
      await options.publisher.publish({
        kind: 'revocation',
        credential_id: id,
        reason: 'revoked by its owner',
      })
      return reply.code(204).send(null)
    },
  )
  done()

  async function beginUse(request: FastifyRequest, actor: Actor, tokenId: string | null) {
    const outcome = await tokenUse.begin(tokenId)
    if (outcome.ok) return outcome.use
    const { reason } = outcome
    await options.audit.record(request, actor, {
      type: 'auth.failed',
      auth: { method: 'token', credential_id: null, reason },
    })
    switch (reason) {
      case 'token_used':
        throw new Problem('token-used', 'get a new one from the issuer')
      case 'token_id_missing':
        throw new Problem('token-refused', 'sign in again; the evidence says why')
      case 'uses_at_edges_unknown':
        throw new Problem(
          'unavailable',
          'which tokens edges took as passwords is still being read; try again in a few seconds',
        )
    }
  }

  /** Also an agent that acts for whoever broke the glass. */
  async function refuseWhenReviewIsOverdue(request: FastifyRequest, actor: Actor) {
    const override = options.control.overrides.overdueOf(actor, options.clock.nowMs())
    if (override === null) return
    await options.audit.record(request, actor, {
      type: 'access.denied',
      auth: {
        method: 'none',
        credential_id: null,
        reason: `override_review_overdue: ${override.approval_id}`,
      },
    })
    throw new Problem('review-overdue', overdueSentence(override))
  }

  async function refuseWhenLockedOut(request: FastifyRequest, actor: Actor, target: string) {
    if (options.control.lockouts.find({ actor, target, sessionId: null }) === null) return
    await options.audit.record(request, actor, {
      type: 'access.denied',
      auth: { method: 'none', credential_id: null, reason: `target_locked_out: ${target}` },
    })
    throw new Problem('locked-out', `the target ${target} is closed to everybody`)
  }
}

function ownerOf(actor: { readonly issuer: string; readonly subject: string }): string {
  return `${actor.issuer}\n${actor.subject}`
}

function slug(subject: string): string {
  const plain = subject
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return plain.slice(0, 40) || 'actor'
}
