import type { ApprovalPart, Principal } from '../../../../schemas/event.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { ApprovalObligation } from '../../guard/decision.ts'
import { overrideOf } from '../../guard/approvals/approval.ts'
import { bindingSha256, parametersSha256 } from '../../guard/approvals/hold-binding.ts'
import type { HoldBinding } from '../../guard/approvals/hold-binding.ts'
import type { Approval } from '../../guard/approvals/approval-state.ts'
import type { HeldRequests } from '../../guard/approvals/held-requests.ts'
import { ApprovalWait } from './approval-wait.ts'
import type { ApprovalWaitOptions, WaitingRoom } from './approval-wait.ts'
import type { SessionLog } from '../events.ts'
import type { PostgresLimits } from '../limits.ts'
import type { BoundParameter } from '../protocol/frontend.ts'
import type { ReadingSettings } from './reading-settings.ts'
import type { RequestMode } from '../relay/request-in-flight.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'
import type { Portal, Statement } from '../statements/statements.ts'

export interface HoldGateOptions {
  readonly held: HeldRequests
  readonly waiting: WaitingRoom
  readonly clock: Clock
  /** The id of the edge. */
  readonly edge: string
  readonly subject: StatementSubject & { readonly role: string }
  readonly log: SessionLog
  readonly limits: Pick<PostgresLimits, 'recordedParameterBytes'>
  readonly reading: Pick<ReadingSettings, 'values'>
}

export type HoldAnswer =
  | { readonly kind: 'granted'; readonly approvalId: string; readonly reason: string }
  /** Nobody has answered yet. */
  | { readonly kind: 'pending'; readonly approval: Approval; readonly message: string }
  /** It does not run: somebody has said no, or nobody can be asked. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Nobody could be asked, or the use not be noted, since the recorder does not take it. */
  | { readonly kind: 'unrecorded' }

/** Asks, for the statements of one session, whether somebody has approved what policy holds; and if nobody was asked, asks. */
export class HoldGate {
  readonly #options: HoldGateOptions

  constructor(options: HoldGateOptions) {
    this.#options = options
  }

  /** A grant is used up by this call. What is asked and what is used is recorded before it is answered. */
  ask(
    requestId: string,
    statement: Statement,
    parameters: readonly BoundParameter[],
    mode: RequestMode,
  ): HoldAnswer {
    const { held, edge, log } = this.#options
    const binding = this.#binding(statement, parameters)
    const terms = {
      expiresMs: Math.min(...approvalsOf(statement).map((each) => each.expiresMs)),
      sizeBytes: this.#sizeOf(statement, parameters),
    }
    const asked = held.ask(binding, requestId, terms, (approval) => {
      if (approval.state.kind === 'used') {
        return log.approvalUsed(requestId, usedPart(approval, edge))
      }
      const part = approvalPart(approval, edge)
      return log.approvalRequested(requestId, part, statement, parameters, mode)
    })
    switch (asked.kind) {
      case 'granted': {
        const { approvalId } = asked.approval
        const reason = `${grantOf(usedPart(asked.approval, edge))} (${approvalId})`
        return { kind: 'granted', approvalId, reason }
      }
      case 'pending': {
        const { approval } = asked
        return {
          kind: 'pending',
          approval,
          message: `held for approval ${approval.approvalId} until ${new Date(approval.expiresAtMs).toISOString()}: run it again, unchanged, when it is approved`,
        }
      }
      case 'unrecorded':
        return asked
      case 'denied': {
        const denial = asked.approval.answers.find(({ verdict }) => verdict === 'deny')
        return {
          kind: 'refused',
          message: `approval ${asked.approval.approvalId} was denied by ${denial?.by.display ?? denial?.by.subject ?? 'an approver'}: ${denial?.reason ?? ''}`,
        }
      }
      case 'refused':
        return {
          kind: 'refused',
          message: `needs approval, which cannot be asked for: ${asked.reason}`,
        }
    }
  }

  /** Whether each of these, as it is decided now, has a grant of its own that is not used. Uses none of them. */
  areGranted(executions: readonly Portal[]): boolean {
    const bindings = executions.map(({ statement, parameters }) =>
      this.#binding(statement, parameters),
    )
    return this.#options.held.areGranted(bindings)
  }

  /** Begins to wait for the answer. Null where so many sessions wait already that the client is not to. */
  wait(options: Omit<ApprovalWaitOptions, 'held' | 'room' | 'nowMs'>): ApprovalWait | null {
    const { held, waiting: room, clock } = this.#options
    return room.enter() ? new ApprovalWait({ ...options, held, room, nowMs: clock.nowMs() }) : null
  }

  /** As much of it as is recorded. */
  #sizeOf({ text }: Statement, parameters: readonly BoundParameter[]): number {
    const most = this.#options.limits.recordedParameterBytes
    const sizes = parameters.map(({ value }) => Math.min(value?.length ?? 0, most))
    return sizes.reduce((sum, size) => sum + size, text.length)
  }

  #binding(statement: Statement, parameters: readonly BoundParameter[]): HoldBinding {
    const { subject, log, reading } = this.#options
    const { actor } = subject
    return {
      statementSha256: statement.sha256.toString('hex'),
      parametersSha256: parametersSha256(parameters, reading.values),
      target: subject.target,
      database: subject.database,
      role: subject.role,
      searchPath: subject.searchPath,
      actor: { kind: actor.kind, subject: actor.subject, issuer: actor.issuer },
      onBehalfOf: actor.on_behalf_of.map(({ kind, subject: name, issuer }) => ({
        kind,
        subject: name,
        issuer,
      })),
      policyDigest: log.context.policy_digest?.toString('hex') ?? '',
      requirements: approvalsOf(statement).map(({ ruleId, role, approvers, breakGlass }) => ({
        ruleId,
        role,
        approvers,
        breakGlass,
      })),
    }
  }
}

/** What policy asks for before it runs: an approval for each rule that holds it. */
export function approvalsOf({ verdict: { refusal } }: Statement): readonly ApprovalObligation[] {
  if (refusal?.kind !== 'held') return []
  return refusal.obligations.filter((each) => each.kind === 'approval')
}

/** With whose answers let it run; where the hold was overridden, whoever had approved before that is named as well. */
function usedPart(approval: Approval, edge: string): ApprovalPart {
  const approvers = approval.answers
    .filter(({ verdict }) => verdict === 'grant')
    .map(({ by }) => principalOf(by))
  const by = overrideOf(approval)?.by
  const override = by === undefined ? null : { by: principalOf(by), due_at: null, verdict: null }
  return { ...approvalPart(approval, edge), approvers, override }
}

function principalOf({ kind, subject, issuer, display }: Principal): Principal {
  return { kind, subject, issuer, display }
}

function grantOf({ approvers, override }: ApprovalPart): string {
  const nameOf = ({ display, subject }: Principal): string => display ?? subject
  if (override !== null) return `break-glass by ${nameOf(override.by)}`
  return `approved by ${approvers.map(nameOf).join(' and ')}`
}

/** What an event says of an approval. */
export function approvalPart(approval: Approval, edge: string): ApprovalPart {
  const { binding } = approval
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
  return {
    approval_id: approval.approvalId,
    edge,
    binding_sha256: bytes(bindingSha256(binding)),
    statement_sha256: bytes(binding.statementSha256),
    parameters_sha256: bytes(binding.parametersSha256),
    database: binding.database,
    role: binding.role,
    search_path: binding.searchPath,
    requirements: binding.requirements.map(({ ruleId, role, approvers, breakGlass }) => ({
      rule_id: ruleId,
      role,
      approvers,
      break_glass:
        breakGlass === null
          ? null
          : { role: breakGlass.role, review_within_hours: breakGlass.reviewWithinHours },
    })),
    expires_at: approval.expiresAtMs * 1000,
    answer: null,
    approvers: [],
    override: null,
  }
}
