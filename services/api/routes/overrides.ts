import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { OverrideUpdate } from '../../../schemas/control.ts'
import type { Actor } from '../../../schemas/event.ts'
import type { RoleGroups } from '../../runtime/config.ts'
import type { ApprovalDesk } from '../approvals/approval-desk.ts'
import { seesOf } from '../approvals/approval-sight.ts'
import { overrideView } from '../approvals/approval-view.ts'
import { OverrideList, OverrideView, ReviewOfOverride } from '../schemas/approvals.ts'

export interface OverrideRoutesOptions {
  readonly desk: ApprovalDesk
  readonly roles: RoleGroups
}

/** Holds that somebody broke the glass for, which another person reviews afterwards. */
export const overrideRoutes: FastifyPluginCallbackTypebox<OverrideRoutesOptions> = (
  app,
  { desk, roles },
  done,
) => {
  app.get(
    '/v1/overrides',
    {
      schema: {
        summary:
          'The overrides that wait for their review, however old, and those reviewed in the last week; newest first',
        response: { 200: OverrideList },
      },
    },
    async (request) => {
      const { actor, sees } = await seesOf(request, roles)
      const seen = desk.overrides.all.filter(({ by, requester, on_behalf_of: behind }) =>
        sees([by, requester, ...behind]),
      )
      return { overrides: await Promise.all(seen.map((each) => view(each, actor))) }
    },
  )

  app.post(
    '/v1/overrides/:id/review',
    {
      schema: {
        summary: 'Say whether a break-glass was justified; never your own',
        params: Type.Object({
          id: Type.String({ format: 'uuid', description: 'Of the approval' }),
        }),
        body: ReviewOfOverride,
        response: { 201: OverrideView },
      },
    },
    async (request, reply) => {
      const actor = await request.permitted('decide_approvals')
      const after = await desk.review(request, actor, request.params.id, request.body)
      return reply.code(201).send(await view(after, actor))
    },
  )
  done()

  async function view(
    override: OverrideUpdate,
    actor: Actor,
  ): Promise<Static<typeof OverrideView>> {
    const { log, position } = override.asked
    return overrideView(override, {
      asked: await desk.book.event(log, position),
      mayReview: desk.mayReview(override, actor),
      nowMs: desk.nowMs,
    })
  }
}
