import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { v7 as uuidv7 } from 'uuid'

import type { ApprovalPart } from '../../../schemas/event.ts'
import { missingApprovers } from '../../edge/guard/approvals/approval.ts'
import type { Answer, StepRefusal } from '../../edge/guard/approvals/approval-state.ts'
import type { RoleGroups } from '../../runtime/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { ActionAudit } from '../action-audit.ts'
import { ApprovalBook } from '../approval-book.ts'
import type { ApprovalBookOptions, BookedApproval } from '../approval-book.ts'
import { ApprovalTelling } from '../approval-telling.ts'
import type { ControlPublisher } from '../control-publisher.ts'
import { Problem } from '../problem.ts'
import { readableText } from '../recorded-result.ts'
import { rolesOf } from '../roles.ts'
import { ApprovalAnswer, ApprovalList, ApprovalView, personOf } from '../schemas/approvals.ts'

export interface ApprovalRoutesOptions extends ApprovalBookOptions {
  readonly roles: RoleGroups
  readonly audit: ActionAudit
  readonly publisher: ControlPublisher
  readonly logger: Logger
}

/** What policy holds for another person's answer. The edge that asked learns it, and only after the answer is on the bus. */
export const approvalRoutes: FastifyPluginCallbackTypebox<ApprovalRoutesOptions> = (
  app,
  options,
  done,
) => {
  const { audit, publisher, roles, logger } = options
  const book = new ApprovalBook(options)
  const telling = new ApprovalTelling({ book, publisher, logger })
  app.addHook('onReady', (ready) => {
    telling.start()
    ready()
  })
  app.addHook('onClose', () => telling[Symbol.asyncDispose]())
  const find = async (id: string): Promise<BookedApproval> => {
    const booked = await book.find(id)
    if (booked === null)
      throw new Problem('not-found', `no approval of the last day has the id ${id}`)
    return booked
  }
  // Two answers at the same moment are taken one after the other: the second has to know of the first.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }

  app.get(
    '/v1/approvals',
    {
      schema: {
        summary: 'What was held in the last day, newest first',
        querystring: Type.Object({ state: Type.Optional(Type.String({ maxLength: 20 })) }),
        response: { 200: ApprovalList },
      },
    },
    async (request) => {
      await request.permitted('view_approvals')
      const { state } = request.query
      const booked = await book.all()
      const wanted = booked.filter(
        ({ approval }) => state === undefined || approval.state.kind === state,
      )
      return { approvals: wanted.map(view) }
    },
  )

  const OneApproval = Type.Object({ id: Type.String({ format: 'uuid' }) })

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
      const actor = await request.permitted('view_approvals')
      const booked = await find(request.params.id)
      await audit.record(request, actor, {
        type: 'evidence.viewed',
        evidence: {
          subject: 'approval',
          reference: booked.approval.approvalId,
          query: null,
          results: null,
        },
      })
      return view(booked)
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
      const { verdict, reason, binding_sha256: seen } = request.body
      const after = await inTurn(async () => {
        const before = await find(request.params.id)
        if (before.approval.bindingSha256 !== seen) {
          throw new Problem('input-invalid', 'binding_sha256 is not that of this approval')
        }
        const answer: Answer = {
          decisionId: uuidv7(),
          verdict,
          reason,
          by: {
            kind: actor.kind,
            subject: actor.subject,
            issuer: actor.issuer,
            display: actor.display,
            // A rule may name a role of ours or a group of the issuer.
            roles: [...new Set([...rolesOf(actor.groups, roles), ...actor.groups])],
            isDelegated: actor.on_behalf_of.length > 0,
          },
        }
        const outcome = book.tryAnswer(before, answer)
        if (!outcome.ok) {
          await audit.record(request, actor, {
            type: 'access.denied',
            auth: {
              method: 'approval',
              credential_id: null,
              reason: `${before.approval.approvalId}: ${outcome.refusal}`,
            },
          })
          throw refusalProblem(outcome.refusal)
        }
        // Of the session, so that it is found with what it is about.
        const { session_id, target, purpose, data_labels, policy_digest } = before.asked
        await audit.record(
          request,
          actor,
          {
            type: verdict === 'grant' ? 'approval.granted' : 'approval.denied',
            request_id: before.asked.request_id,
            approval: answeredPart(before, outcome.booked, answer),
          },
          { session_id, target, purpose, data_labels, policy_digest },
        )
        book.note(before.approval.approvalId, answer)
        await audit.published()
        await telling.tell(outcome.booked)
        return outcome.booked
      })
      return reply.code(201).send(view(after))
    },
  )
  done()
}

function answeredPart(
  { asked }: BookedApproval,
  { approval }: BookedApproval,
  { decisionId, reason, by }: Answer,
): ApprovalPart {
  const part = asked.approval
  if (part === null) throw new TypeError('what was asked is an approval')
  const missing =
    approval.state.kind === 'pending'
      ? missingApprovers(approval).reduce((sum, { count }) => sum + count, 0)
      : 0
  return { ...part, answer: { decision_id: decisionId, reason, roles: by.roles, missing } }
}

const sentences: Readonly<Record<StepRefusal, string>> = {
  replayed: 'this answer was given already',
  clock_behind: 'the clock of this server went back; answers wait until it has caught up',
  expired: 'it has expired; the requester has to ask again',
  not_pending: 'it was answered already',
  not_granted: 'it is not granted',
  other_binding: 'the answer is to something else',
  approver_is_requester: 'nobody approves a request of his own',
  approver_is_behind_requester: 'the requester acts for you, so somebody else has to answer',
  approver_owns_requester: 'the requester is an account of yours, so somebody else has to answer',
  approver_is_no_person: 'only people approve',
  approver_is_delegated: 'an answer is given by the person, not by somebody who acts for it',
  approver_has_answered: 'you have answered already; another person has to',
  role_missing: 'you have none of the roles that the rule asks for',
  reason_missing: 'say why',
  reason_too_long: 'the reason is too long',
}

function refusalProblem(refusal: StepRefusal): Problem {
  const isOver = ['replayed', 'expired', 'not_pending', 'clock_behind'].includes(refusal)
  return new Problem(isOver ? 'busy' : 'not-allowed', sentences[refusal])
}

function view({ approval, edge, asked }: BookedApproval): Static<typeof ApprovalView> {
  const { request } = asked
  const { binding } = approval
  return {
    approval_id: approval.approvalId,
    state: approval.state.kind,
    edge,
    requester: personOf(asked.actor),
    on_behalf_of: (asked.actor?.on_behalf_of ?? []).map(personOf),
    target: binding.target,
    database: binding.database,
    role: binding.role,
    search_path: binding.searchPath,
    purpose: asked.purpose,
    session_id: asked.session_id,
    request_id: asked.request_id,
    operation: request?.operation ?? '',
    statement: request === null ? '' : readableText(request.statement),
    statement_bytes: request?.statement_bytes ?? 0,
    statement_sha256: binding.statementSha256,
    parameters: (request?.parameters ?? []).map(({ format, value }) => ({
      format,
      value: value === null ? null : format === 0 ? readableText(value) : value.toString('hex'),
    })),
    reads: [...(request?.reads ?? [])],
    writes: [...(request?.writes ?? [])],
    functions: [...(request?.functions ?? [])],
    requirements: binding.requirements.map(({ ruleId, role, approvers }) => ({
      rule_id: ruleId,
      role,
      approvers,
    })),
    missing: missingApprovers(approval).map((each) => ({ ...each })),
    binding_sha256: approval.bindingSha256,
    policy_digest: asked.policy_digest?.toString('hex') ?? null,
    requested_at: new Date(approval.requestedAtMs).toISOString(),
    expires_at: new Date(approval.expiresAtMs).toISOString(),
    answers: approval.answers.map(({ decisionId, verdict, reason, by }) => ({
      decision_id: decisionId,
      verdict,
      reason,
      by: personOf(by),
    })),
  }
}
