import type { FastifyRequest } from 'fastify'

import type { Actor, Principal } from '../../../schemas/event.ts'
import type { RoleGroups } from '../../runtime/config.ts'
import { permits, rolesOf } from '../roles.ts'

export interface Sight {
  readonly actor: Actor
  /** `behind`: who asked and for whom, or who broke the glass. */
  readonly sees: (behind: readonly Principal[]) => boolean
}

/** Who has the role sees every approval and override; another person those that he stands behind himself; an agent none. */
export async function seesOf(request: FastifyRequest, roles: RoleGroups): Promise<Sight> {
  const { actor } = await request.caller()
  if (actor.kind !== 'human' || actor.on_behalf_of.length > 0) {
    return { actor: await request.permitted('view_approvals'), sees: () => true }
  }
  const { ok: seesAll } = permits(rolesOf(actor.groups, roles), 'view_approvals')
  const isOwn = ({ subject, issuer }: Principal): boolean =>
    subject === actor.subject && issuer === actor.issuer
  return { actor, sees: (behind) => seesAll || behind.some(isOwn) }
}
