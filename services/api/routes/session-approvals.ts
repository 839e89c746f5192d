import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { OverridePart } from '../../../schemas/event.ts'
import type { ActionAudit } from '../action-audit.ts'
import { viewed } from '../evidence-use.ts'
import { approvalsOfSession } from '../approvals/approval-history.ts'
import type {
  ApprovalHistory,
  ApprovalHistoryOptions,
  ApprovalStep,
} from '../approvals/approval-history.ts'
import { requirementView } from '../approvals/approval-view.ts'
import { personOf, SessionApprovals } from '../schemas/approvals.ts'
import type { ApprovalHistoryView, ApprovalStepView } from '../schemas/approvals.ts'

export interface SessionApprovalRoutesOptions extends ApprovalHistoryOptions {
  readonly audit: ActionAudit
}

/** What statements of a session were held for, and what became of it, each step with the place where it is sealed. */
export const sessionApprovalRoutes: FastifyPluginCallbackTypebox<SessionApprovalRoutesOptions> = (
  app,
  options,
  done,
) => {
  app.get(
    '/v1/sessions/:id/approvals',
    {
      schema: {
        summary: 'The approvals that statements of a session asked for or ran by',
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) }),
        response: { 200: SessionApprovals },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const { id } = request.params
      const { approvals, isCut } = await approvalsOfSession(options, id)
      await options.audit.record(
        request,
        actor,
        viewed('session', id, { query: 'approvals', results: approvals.length }),
      )
      return { approvals: approvals.map(historyView), is_cut: isCut }
    },
  )
  done()
}

function historyView({ approvalId, steps }: ApprovalHistory): Static<typeof ApprovalHistoryView> {
  return { approval_id: approvalId, steps: steps.map(stepView) }
}

function stepView({ event, log, position }: ApprovalStep): Static<typeof ApprovalStepView> {
  const { actor, approval } = event
  return {
    type: event.type,
    at: new Date(event.occurred_at / 1000).toISOString(),
    actor: personOf(actor),
    on_behalf_of: (actor?.on_behalf_of ?? []).map(personOf),
    session_id: event.session_id,
    request_id: event.request_id,
    requirements: (approval?.requirements ?? []).map(requirementView),
    expires_at: new Date((approval?.expires_at ?? 0) / 1000).toISOString(),
    reason: approval?.answer?.reason ?? null,
    missing: approval?.answer?.missing ?? null,
    approvers: (approval?.approvers ?? []).map(personOf),
    override: overrideStep(approval?.override ?? null),
    log,
    position,
  }
}

function overrideStep(override: OverridePart | null): Static<typeof ApprovalStepView>['override'] {
  if (override === null) return null
  const { by, due_at: dueUs, verdict } = override
  const dueAt = dueUs === null ? null : new Date(dueUs / 1000).toISOString()
  return { by: personOf(by), due_at: dueAt, verdict }
}
