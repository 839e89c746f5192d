import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { Actor } from '../../../schemas/event.ts'
import type { ActionAudit } from '../action-audit.ts'
import { viewed } from '../evidence-use.ts'
import { stateOf } from '../approvals/approval-book.ts'
import type { BookedApproval } from '../approvals/approval-book.ts'
import type { ApprovalDesk } from '../approvals/approval-desk.ts'
import { seesOf } from '../approvals/approval-sight.ts'
import { approvalView } from '../approvals/approval-view.ts'
import type { RoleGroups } from '../../runtime/config.ts'
import {
  ApprovalAnswer,
  ApprovalList,
  ApprovalQuery,
  ApprovalView,
  BreakGlass,
} from '../schemas/approvals.ts'

export interface ApprovalRoutesOptions {
  readonly desk: ApprovalDesk
  readonly roles: RoleGroups
  readonly audit: ActionAudit
}

/** What policy holds for another person's answer. The edge that asked learns it, and only after the answer is on the bus. */
export const approvalRoutes: FastifyPluginCallbackTypebox<ApprovalRoutesOptions> = (
  app,
  { desk, roles, audit },
  done,
) => {
  const OneApproval = Type.Object({ id: Type.String({ format: 'uuid' }) })

  app.get(
    '/v1/approvals',
    {
      schema: {
        summary:
          'What was held in the last day, newest first, without the role to see all what you stand behind; long statements of what is over are cut',
        querystring: ApprovalQuery,
        response: { 200: ApprovalList },
      },
    },
    async (request) => {
      const { actor, sees } = await seesOf(request, roles)
      const { state } = request.query
      const { approvals, listedFromMs } = await desk.book.all()
      const wanted = approvals.filter(
        (each) => (state === undefined || stateOf(each) === state) && sees(behind(each)),
      )
      const views = wanted.map(async (each) =>
        // Somebody may be reading what is open in order to answer it.
        view(isOpen(each) ? await desk.book.whole(each) : each, actor),
      )
      return {
        approvals: await Promise.all(views),
        listed_from: listedFromMs === null ? null : new Date(listedFromMs).toISOString(),
      }
    },
  )

  app.get(
    '/v1/approvals/:id',
    {
      schema: {
        summary: 'One held request',
        params: OneApproval,
        response: { 200: ApprovalView },
      },
    },
    async (request) => {
      const { actor, sees } = await seesOf(request, roles)
      const booked = await desk.find(request.params.id)
      if (!sees(behind(booked))) await request.permitted('view_approvals')
      await audit.record(request, actor, viewed('approval', booked.approval.approvalId))
      return view(booked, actor)
    },
  )

  app.post(
    '/v1/approvals/:id/answers',
    {
      schema: {
        summary: 'Approve or deny what is held; never your own',
        params: OneApproval,
        body: ApprovalAnswer,
        response: { 201: ApprovalView },
      },
    },
    async (request, reply) => {
      const actor = await request.permitted('decide_approvals')
      const after = await desk.answer(request, actor, request.params.id, request.body)
      return reply.code(201).send(view(after, actor))
    },
  )

  app.post(
    '/v1/approvals/:id/override',
    {
      schema: {
        summary:
          'Break-glass: let what you ask for, or an agent asks for you, run once without approval; another person reviews it afterwards',
        params: OneApproval,
        body: BreakGlass,
        response: { 201: ApprovalView },
      },
    },
    async (request, reply) => {
      // Which person may, and with which role, the rules that hold it say.
      const { actor } = await request.caller()
      const said = { verdict: 'override', ...request.body } as const
      const after = await desk.answer(request, actor, request.params.id, said)
      return reply.code(201).send(view(after, actor))
    },
  )
  done()

  function view(booked: BookedApproval, actor: Actor): Static<typeof ApprovalView> {
    return approvalView(booked, {
      override: desk.overrides.find(booked.approval.approvalId),
      mayAnswer: desk.mayAnswer(booked, actor),
      mayOverride: desk.mayOverride(booked, actor),
      nowMs: desk.nowMs,
    })
  }
}

function isOpen(booked: BookedApproval): boolean {
  const state = stateOf(booked)
  return state === 'pending' || state === 'granted'
}

function behind({ asked: { actor } }: BookedApproval) {
  return actor === null ? [] : [actor, ...actor.on_behalf_of]
}
