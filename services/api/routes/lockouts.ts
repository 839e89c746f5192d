import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { validate as isUuid } from 'uuid'

import type { LockoutUpdate } from '../../../schemas/control.ts'
import type { Actor } from '../../../schemas/event.ts'
import type { Lockouts } from '../../edge/guard/lockouts.ts'
import type { ActionAudit } from '../action-audit.ts'
import { viewed } from '../evidence-use.ts'
import type { ControlPublisher } from '../control/control-publisher.ts'
import { Problem } from '../problem.ts'
import { LockoutList, LockoutRequest, LockoutView } from '../schemas/lockouts.ts'

export interface LockoutRoutesOptions {
  readonly targets: readonly { readonly name: string }[]
  /** Whose subjects are meant where no issuer is named. */
  readonly issuer: string
  readonly publisher: ControlPublisher
  readonly lockouts: Lockouts
  readonly audit: ActionAudit
}

const mostLockouts = 1_000

/** The kill switch: sessions, actors and targets are locked out at every edge, and let in again. */
export const lockoutRoutes: FastifyPluginCallbackTypebox<LockoutRoutesOptions> = (
  app,
  options,
  done,
) => {
  const { publisher, lockouts, audit } = options

  app.get(
    '/v1/lockouts',
    {
      schema: {
        summary: 'The actors and targets that are locked out, the newest first',
        response: { 200: LockoutList },
      },
    },
    async (request) => {
      const actor = await request.permitted('end_sessions')
      const { inForce } = lockouts
      await audit.record(request, actor, viewed('lockout', null, { results: inForce.length }))
      return { lockouts: inForce.map(view) }
    },
  )

  app.post(
    '/v1/lockouts',
    {
      schema: {
        summary: 'Lock out a session, an actor or a target: what runs ends, and nothing new begins',
        body: LockoutRequest,
        response: { 201: LockoutView },
      },
    },
    async (request, reply) => {
      const caller = await request.permitted('end_sessions')
      const asked = named(request.body)
      if (asked.subject === 'target' && !options.targets.some(({ name }) => name === asked.name)) {
        throw new Problem('not-found', `no target is called ${asked.name}`)
      }
      if (asked.subject === 'session' && !isUuid(asked.name)) {
        throw new Problem('input-invalid', `${asked.name} is no id of a session; its page shows it`)
      }
      if (isSelf(asked, caller)) throw new Problem('input-invalid', 'that is yourself')
      if (lockouts.inForce.length >= mostLockouts) {
        throw new Problem('too-many', `${mostLockouts} lockouts are in force; lift some of them`)
      }
      await audit.record(request, caller, {
        type: 'access.revoked',
        auth: { method: 'lockout', credential_id: null, reason: sentence(asked) },
      })
      return reply.code(201).send(view(await publish(asked, false)))
    },
  )

  app.post(
    '/v1/lockouts/lift',
    {
      schema: {
        summary: 'Let an actor or a target in again',
        body: LockoutRequest,
        response: { 200: Type.Object({ lifted: LockoutView }) },
      },
    },
    async (request) => {
      const caller = await request.permitted('end_sessions')
      const asked = named(request.body)
      if (asked.subject === 'session') {
        throw new Problem('input-invalid', 'a session that was ended does not begin again')
      }
      if (!lockouts.inForce.some((each) => isSame(each, asked))) {
        throw new Problem('not-found', `no ${asked.subject} of this name is locked out`)
      }
      await audit.record(request, caller, {
        type: 'access.granted',
        auth: { method: 'lockout', credential_id: null, reason: sentence(asked) },
      })
      return { lifted: view(await publish(asked, true)) }
    },
  )
  done()

  function named({ subject, name, issuer, reason }: Static<typeof LockoutRequest>): Named {
    const isActor = subject === 'actor'
    return { subject, name, issuer: isActor ? (issuer ?? options.issuer) : null, reason }
  }

  async function publish(asked: Named, lifted: boolean): Promise<Lockout> {
    await audit.published()
    return publisher.publish({ kind: 'lockout', ...asked, lifted })
  }
}

type Named = Pick<LockoutUpdate, 'subject' | 'name' | 'issuer' | 'reason'>
type Lockout = Named & Pick<LockoutUpdate, 'version'>

function isSame(one: Named, other: Named): boolean {
  return one.subject === other.subject && one.name === other.name && one.issuer === other.issuer
}

function isSelf({ subject, name, issuer }: Named, caller: Actor): boolean {
  return subject === 'actor' && name === caller.subject && issuer === caller.issuer
}

function sentence({ subject, name, issuer, reason }: Named): string {
  const of = issuer === null ? '' : ` of ${issuer}`
  return `${subject} ${name}${of}: ${reason}`
}

function view({ subject, name, issuer, reason, version }: Lockout): Static<typeof LockoutView> {
  return { subject, name, issuer, reason, since: new Date(version).toISOString() }
}
