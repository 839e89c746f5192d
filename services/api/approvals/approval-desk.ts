import type { FastifyRequest } from 'fastify'
import { v7 as uuidv7 } from 'uuid'

import type { OverrideUpdate } from '../../../schemas/control.ts'
import type { Actor, ApprovalPart, AuditEvent, OverrideVerdict } from '../../../schemas/event.ts'
import { missingApprovers } from '../../edge/guard/approvals/approval.ts'
import type { Answer, Approver } from '../../edge/guard/approvals/approval-state.ts'
import { refusalOfAnswer, refusalOfReview } from '../../edge/guard/approvals/answer-checks.ts'
import type { Overrides } from '../../edge/guard/approvals/overrides.ts'
import type { RoleGroups } from '../../runtime/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { ActionAudit, ActionSubject } from '../action-audit.ts'
import { ApprovalBook, stateOf } from './approval-book.ts'
import type { ApprovalBookOptions, BookedApproval } from './approval-book.ts'
import { refusalProblem } from './approval-refusals.ts'
import type { AnswerProblem } from './approval-refusals.ts'
import { ApprovalTelling } from './approval-telling.ts'
import type { ControlPublisher } from '../control/control-publisher.ts'
import { keepTrying } from '../keep-trying.ts'
import { overridePart, principalOf } from './override-update.ts'
import { Problem } from '../problem.ts'
import { permits, rolesOf } from '../roles.ts'

export interface ApprovalDeskOptions extends ApprovalBookOptions {
  readonly roles: RoleGroups
  readonly audit: ActionAudit
  readonly publisher: ControlPublisher
  readonly overrides: Overrides
  readonly logger: Logger
}

/** What somebody says, and the digest of what he looked at: about anything else it is refused. */
export interface Said<Verdict> {
  readonly verdict: Verdict
  readonly reason: string
  readonly binding_sha256: string
}

const everyMs = 5_000

/**
 * Where held requests are answered, holds overridden and overrides reviewed. Each is recorded first, and then told to the edges; one after
 * the other, since the second has to know of the first.
 */
export class ApprovalDesk implements AsyncDisposable {
  readonly book: ApprovalBook
  readonly overrides: Overrides
  readonly #options: ApprovalDeskOptions
  readonly #telling: ApprovalTelling
  #lastTurn: Promise<unknown> = Promise.resolve()
  readonly #keeping = new AsyncDisposableStack()

  constructor(options: ApprovalDeskOptions) {
    const { publisher, overrides } = options
    this.#options = options
    this.overrides = overrides
    this.book = new ApprovalBook(options)
    this.#telling = new ApprovalTelling({ book: this.book, publisher, overrides })
  }

  /** From now on tells what was left untold, and records what is not reviewed in time. */
  start(): void {
    const { logger } = this.#options
    // In their turn as well: an old word on an override must not come after a new one.
    const keep = (work: () => Promise<void>, failure: string): void => {
      this.#keeping.use(keepTrying({ work: () => this.#inTurn(work), everyMs, failure, logger }))
    }
    keep(() => this.#telling.catchUp(), 'answers to approvals could not be told to the edges yet')
    keep(() => this.#recordOverdue(), 'that reviews are overdue could not be recorded yet')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeping.disposeAsync()
  }

  async find(id: string): Promise<BookedApproval> {
    const booked = await this.book.find(id)
    if (booked === null)
      throw new Problem('not-found', `no approval of the last day has the id ${id}`)
    return booked
  }

  /** An answer, or with the verdict `override` the breaking of the glass; throws a `Problem` where it is not taken. */
  answer(
    request: FastifyRequest,
    actor: Actor,
    id: string,
    said: Said<Answer['verdict']>,
  ): Promise<BookedApproval> {
    return this.#inTurn(async () => {
      const { audit } = this.#options
      const before = await this.find(id)
      checkSeen(said, before.approval.bindingSha256)
      const { verdict, reason } = said
      const answer: Answer = { decisionId: uuidv7(), verdict, reason, by: this.#approver(actor) }
      const bar = verdict === 'override' ? this.overrides.barTo(answer.by, id, this.nowMs) : null
      if (bar !== null) return this.#refuse(request, actor, id, bar)
      const outcome = this.book.tryAnswer(before, answer)
      if (!outcome.ok) return this.#refuse(request, actor, id, outcome.refusal)
      const after = outcome.booked
      await audit.record(
        request,
        actor,
        {
          type: eventOf[verdict],
          request_id: before.asked.request_id,
          approval: answeredPart(after, answer),
        },
        subjectOf(before.asked),
      )
      this.book.note(after, answer)
      await audit.published()
      await this.#telling.tell(after)
      return after
    })
  }

  /** What another person says of an override afterwards; throws a `Problem` where it is not taken. */
  review(
    request: FastifyRequest,
    actor: Actor,
    id: string,
    said: Said<OverrideVerdict>,
  ): Promise<OverrideUpdate> {
    return this.#inTurn(async () => {
      const { audit, publisher } = this.#options
      const override = this.overrides.find(id)
      if (override === null) {
        throw new Problem('not-found', `no override that waits for its review has the id ${id}`)
      }
      checkSeen(said, override.binding_sha256)
      const { verdict, reason } = said
      const by = this.#approver(actor)
      const refusal = refusalOfReview(override, { by, reason })
      if (refusal !== null) return this.#refuse(request, actor, id, refusal)
      const { asked, part } = await this.#askedFor(override)
      const answer = { decision_id: uuidv7(), reason, roles: by.roles, missing: 0 }
      await audit.record(
        request,
        actor,
        {
          type: 'override.reviewed',
          request_id: asked.request_id,
          approval: { ...part, answer, override: overridePart(override, verdict) },
        },
        subjectOf(asked),
      )
      await audit.published()
      const review = { by: principalOf(actor), verdict, reason, reviewed_at: this.nowMs }
      return publisher.publish({ ...override, review })
    })
  }

  /** Whether this person may approve or deny it now, with a reason. */
  mayAnswer(booked: BookedApproval, actor: Actor): boolean {
    return this.#mayDecide(actor) && this.#wouldBeTaken(booked, actor, 'grant')
  }

  /** Whether this person may break the glass of it now, with a reason. */
  mayOverride(booked: BookedApproval, actor: Actor): boolean {
    const bar = this.overrides.barTo(actor, booked.approval.approvalId, this.nowMs)
    return bar === null && this.#wouldBeTaken(booked, actor, 'override')
  }

  mayReview(override: OverrideUpdate, actor: Actor): boolean {
    const review = { by: this.#approver(actor), reason: 'why' }
    return this.#mayDecide(actor) && refusalOfReview(override, review) === null
  }

  get nowMs(): number {
    return this.#options.clock.nowMs()
  }

  /** The request that was overridden, from where it is sealed. */
  async #askedFor({ asked: { log, position } }: Pick<OverrideUpdate, 'asked'>) {
    const asked = await this.book.event(log, position)
    if (asked?.approval == null) {
      throw new Problem('unavailable', `entry ${position} of ${log} cannot be read`)
    }
    return { asked, part: asked.approval }
  }

  /** Once for each: that it was recorded is told, so that the next process knows. */
  async #recordOverdue(): Promise<void> {
    const { audit, publisher } = this.#options
    for (const override of this.overrides.overdue(this.nowMs)) {
      if (override.is_overdue_recorded) continue
      const { asked, part } = await this.#askedFor(override)
      await audit.recordOwn(
        {
          type: 'override.overdue',
          request_id: asked.request_id,
          approval: { ...part, override: overridePart(override) },
        },
        subjectOf(asked),
      )
      await audit.published()
      await publisher.publish({ ...override, is_overdue_recorded: true })
    }
  }

  #mayDecide({ groups }: Actor): boolean {
    return permits(rolesOf(groups, this.#options.roles), 'decide_approvals').ok
  }

  #wouldBeTaken(booked: BookedApproval, actor: Actor, verdict: 'grant' | 'override'): boolean {
    if (stateOf(booked) !== 'pending') return false
    const answer = { decisionId: '', verdict, reason: 'why', by: this.#approver(actor) }
    return refusalOfAnswer(booked.approval, answer) === null
  }

  #approver(actor: Actor): Approver {
    const { groups } = actor
    return {
      ...principalOf(actor),
      // A rule may name a role of ours or a group of the issuer.
      roles: [...new Set([...rolesOf(groups, this.#options.roles), ...groups])],
      isDelegated: actor.on_behalf_of.length > 0,
    }
  }

  async #refuse(
    request: FastifyRequest,
    actor: Actor,
    id: string,
    refusal: AnswerProblem,
  ): Promise<never> {
    await this.#options.audit.record(request, actor, {
      type: 'access.denied',
      auth: { method: 'approval', credential_id: null, reason: `${id}: ${refusal}` },
    })
    throw refusalProblem(refusal)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}

const eventOf = {
  grant: 'approval.granted',
  deny: 'approval.denied',
  override: 'approval.overridden',
} as const satisfies Record<Answer['verdict'], AuditEvent['type']>

/** Of the session, so that it is found with what it is about. */
function subjectOf(asked: AuditEvent): ActionSubject {
  const { session_id, target, purpose, data_labels, policy_digest } = asked
  return { session_id, target, purpose, data_labels, policy_digest }
}

function checkSeen({ binding_sha256: seen }: Said<unknown>, actual: string): void {
  if (seen !== actual) {
    throw new Problem('input-invalid', 'binding_sha256 is not that of this approval')
  }
}

function answeredPart(
  { asked, approval, reviewDueMs }: BookedApproval,
  { decisionId, reason, by, verdict }: Answer,
): ApprovalPart {
  const part = asked.approval
  if (part === null) throw new TypeError('what was asked is an approval')
  const missing =
    approval.state.kind === 'pending'
      ? missingApprovers(approval).reduce((sum, { count }) => sum + count, 0)
      : 0
  const override =
    verdict === 'override' && reviewDueMs !== null
      ? overridePart({ by, due_at: reviewDueMs })
      : null
  return {
    ...part,
    answer: { decision_id: decisionId, reason, roles: by.roles, missing },
    override,
  }
}
