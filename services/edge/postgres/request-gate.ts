import type { DecisionPart } from '../../../schemas/event.ts'
import type { Approval } from '../guard/approvals/approval-state.ts'
import type { ApprovalWait } from './holds/approval-wait.ts'
import { Expected } from './relay/expected-responses.ts'
import type { ExpectedKind } from './relay/expected-responses.ts'
import type { Outgoing } from './relay/outgoing.ts'
import { encodeFrontend } from './protocol/frontend.ts'
import type { BoundParameter } from './protocol/frontend.ts'
import { encodeRefusal, failingParse, failingQuery, refusalOf, sqlState } from './refusals.ts'
import type { Refusal } from './refusals.ts'
import { ReleasedPortals } from './holds/released-portals.ts'
import type { RequestInFlight, RequestMode } from './relay/request-in-flight.ts'
import type { SessionState } from './session-state.ts'
import { spentInTransaction } from './holds/spent-approvals.ts'
import { outcomeOf } from './statements/statement-policy.ts'
import type { StatementRefusal, Verdict } from './statements/statement-policy.ts'
import { sha256, unparseable } from './statements/statements.ts'
import type { Portal, Statement } from './statements/statements.ts'
import { UnclaimedSteps } from './relay/unclaimed-steps.ts'
import type { Step } from './relay/unclaimed-steps.ts'
import {
  needsSyncFirst,
  progressWith,
  waitMsOf,
  whyItCannotWait,
  withholdIfItMayWait,
} from './holds/withheld-batch.ts'

/**
 * Where a request is recorded and let through or refused. What is let through, the caller forwards; for what is refused the
 * gate has already put its stand-in on the way (see refusals.ts).
 */
export class RequestGate {
  /** True when requests were recorded that have not been forwarded yet. */
  hasRecorded = false
  readonly #state: SessionState
  readonly #toTarget: Outgoing
  readonly #unclaimed: UnclaimedSteps
  readonly #released: ReleasedPortals

  constructor(state: SessionState, toTarget: Outgoing) {
    this.#state = state
    this.#toTarget = toTarget
    this.#unclaimed = new UnclaimedSteps(state, toTarget)
    this.#released = new ReleasedPortals(state.cache)
  }

  /** Refuses what the policy in force forbids, so that it is neither parsed nor bound. False where it may be, be it held. */
  forbids(entry: Expected, declared: Statement, parameters: readonly BoundParameter[]): boolean {
    const { refusal } = this.#state.cache.renewed(declared).verdict
    if (refusal === null || refusal.kind === 'held') return false
    this.admit(entry, declared, parameters, null)
    return true
  }

  /** Before a statement is bound, or run by a simple query. False: not now, the target has to answer first. */
  mayBegin(statement: Statement): boolean {
    const state = this.#state
    if (!needsSyncFirst(state, statement)) return withholdIfItMayWait(state, statement)
    this.recordUnclaimed()
    // Then what was prepared fails, and with it what comes behind.
    if (state.isSkipping) return false
    const entry = new Expected('sync', state.batch)
    entry.isOwn = true
    state.expected.push(entry)
    state.awaited = entry
    state.progress = progressWith(state.progress, entry.kind)
    this.#toTarget.push(encodeFrontend({ type: 'sync' }))
    return false
  }

  /** Records a request and its decision, or, where it has waited, what is decided now. */
  admit(
    entry: Expected,
    declared: Statement,
    parameters: readonly BoundParameter[],
    step: 'parse' | 'bind' | null,
    mode: RequestMode = 'extended',
    wholeBytes: number | null = null,
  ): Admission {
    const state = this.#state
    // A simple query has been decided just now.
    const statement = mode === 'extended' ? state.cache.renewed(declared) : declared
    // Only what would run can have waited.
    const wait = step === null ? state.wait : null
    if (step === null) state.wait = null
    this.hasRecorded = true
    entry.isLast = true
    if (wait !== null)
      return this.#goOn(wait, { id: wait.requestId, entry, statement, parameters, mode })
    const { sha256, verdict } = statement
    const id = state.log.nextRequestId()
    const asked = { id, entry, statement, parameters, mode }
    const whole = wholeBytes === null ? null : { bytes: wholeBytes, sha256 }
    entry.request = state.log.received(
      id,
      { mode, step, statement, parameters, whole },
      { decision_id: id, ...decisionOn(verdict, step) },
    )
    const { refusal } = verdict
    if (refusal !== null && refusal.kind !== 'held') {
      if (step !== null) this.#takeBackUnclaimed()
      return this.#refuse(asked, refusal)
    }
    if (entry.request === null && !this.#mayRunUnrecorded(asked)) return 'refused'
    if (refusal !== null && step === null) return this.#ask(asked, null)
    if (step === null) this.#unclaimed.followedByRequest()
    return 'forwarded'
  }

  /** It has waited: policy decides about it anew, and whoever answered is heard. */
  #goOn(wait: ApprovalWait, asked: Asked): Admission {
    const { entry, statement, id } = asked
    const { refusal, ruleIds, reason } = statement.verdict
    entry.request = wait.request
    if (wait.end === 'cancelled') {
      this.#answer(
        entry,
        id,
        refusalOf(sqlState.cancelled, 'canceling statement due to user request', id),
      )
      return 'refused'
    }
    if (refusal === null) return this.#release(asked, reason)
    if (refusal.kind === 'held') return this.#ask(asked, wait)
    if (entry.request !== null) {
      const decision = { decision_id: id, outcome: 'block', rule_ids: ruleIds, reason } as const
      entry.request = this.#state.log.decided(entry.request, statement, decision) ?? entry.request
    }
    this.#takeBackUnclaimed()
    return this.#refuse(asked, refusal)
  }

  /** Somebody has to approve it: it runs by the grant, waits for it, or is refused with an id to come back with. */
  #ask(asked: Asked, wait: ApprovalWait | null): Admission {
    const { id, entry, statement, parameters, mode } = asked
    const state = this.#state
    const { holds } = state
    const refuse = (message: string, detail: string | null = null): Admission => {
      this.#answer(entry, id, refusalOf(sqlState.blocked, message, id, { detail }))
      return 'refused'
    }
    if (holds === null) return refuse(statement.verdict.refusal?.message ?? '')
    if (statement.verdict.runsByName === true) return refuse(cannotBeRead)
    if (state.transactionStatus === 'E') {
      this.#answer(entry, id, refusalOf(sqlState.aborted, transactionIsAborted, id))
      return 'refused'
    }
    if (!state.reading.areKnown) return refuse(mayBeReadOtherwise)
    if (wait?.isExpired === true) {
      return refuse(
        `approval ${wait.approvalId} was not given in time: run it again, and it is asked for anew`,
      )
    }
    const goesOn = this.#released.reasonFor(asked)
    if (goesOn !== null) return this.#release(asked, goesOn)
    const answer = holds.ask(id, statement, parameters, mode)
    switch (answer.kind) {
      case 'granted': {
        const { approvalId, reason } = answer
        state.used = [...state.used, { approvalId, batch: entry.batch, isTold: false }]
        const admission = this.#release(asked, reason)
        if (admission === 'forwarded') this.#released.note(asked, reason)
        return admission
      }
      case 'refused':
        return refuse(answer.message)
      case 'unrecorded':
        this.#answer(
          entry,
          id,
          refusalOf(sqlState.notRecorded, 'its approval cannot be recorded, so it was not run', id),
        )
        return 'refused'
      case 'pending': {
        if (wait !== null) return refuse(answer.message, whyItWaitsNoMore(wait))
        const waiting = this.#wait(asked, answer.approval)
        return waiting.ok ? 'waits' : refuse(answer.message, waiting.why)
      }
    }
  }

  /** Whether the portal runs by a grant already. */
  continues(portal: Portal): boolean {
    return this.#released.reasonFor(portal) !== null
  }

  /** Begins to wait, or says why not: null where policy does not let it. */
  #wait(
    { id, entry, statement }: Asked,
    approval: Approval,
  ): { readonly ok: true } | { readonly ok: false; readonly why: string | null } {
    const state = this.#state
    const waitMs = waitMsOf(statement)
    if (waitMs === 0) return { ok: false, why: null }
    const obstacle = whyItCannotWait(state)
    if (obstacle !== null) return { ok: false, why: `it does not wait here: ${obstacle}` }
    const digest = state.cache.policyDigest
    state.wait =
      state.holds?.wait({
        approval,
        waitMs,
        requestId: id,
        request: entry.request,
        isOutdated: () => !state.cache.policyDigest.equals(digest),
        onOver: () => state.onWaitOver(),
      }) ?? null
    if (state.wait !== null) return { ok: true }
    return { ok: false, why: 'it does not wait here: too many sessions of this edge wait already' }
  }

  /** It was held and may run now. */
  #release(asked: Asked, reason: string | null): Admission {
    const { id, entry, statement } = asked
    const { mask, ruleIds } = statement.verdict
    const outcome = mask === null ? 'allow' : 'mask'
    const held = entry.request
    if (held !== null) {
      const decision = { decision_id: id, outcome, rule_ids: ruleIds, reason } as const
      const released = this.#state.log.decided(held, statement, decision)
      entry.request = released
      if (released === null && this.#state.onAuditFailure === 'refuse') {
        held.fail(sqlState.notRecorded, 'its release cannot be recorded')
        this.#state.log.completed(held, 'refused')
      }
      if (released === null && !this.#mayRunUnrecorded(asked)) return 'refused'
    }
    this.#unclaimed.followedByRequest()
    return 'forwarded'
  }

  #refuse({ id, entry }: Asked, refusal: Exclude<StatementRefusal, { kind: 'held' }>): 'refused' {
    const isSyntax = refusal.kind === 'syntax'
    const code = isSyntax ? sqlState.syntax : sqlState.blocked
    const position = isSyntax ? refusal.position : null
    this.#answer(entry, id, refusalOf(code, refusal.message, id, { position }))
    return 'refused'
  }

  /** The recorder did not take it: it goes on where the target allows that, else it is refused. */
  #mayRunUnrecorded({ id, entry, statement }: Asked): boolean {
    const state = this.#state
    if (state.onAuditFailure === 'allow') {
      entry.request = state.log.unrecorded(id, statement)
      return true
    }
    // What was parsed and bound for it must not be forwarded either.
    this.#takeBackUnclaimed()
    this.#answer(
      entry,
      id,
      refusalOf(sqlState.notRecorded, 'the statement cannot be recorded, so it was not run', id),
    )
    return false
  }

  addUnclaimed(step: Step): void {
    this.#unclaimed.add(step)
  }

  #takeBackUnclaimed(): void {
    if (!this.#unclaimed.takeBack()) throw new AuditUnavailable()
  }

  refuse(
    entry: Expected,
    statement: Statement,
    parameters: readonly BoundParameter[],
    code: string,
    message: string,
  ): void {
    const id = this.#state.log.nextRequestId()
    const decision = {
      decision_id: id,
      outcome: 'block',
      rule_ids: ['edge-limit'],
      reason: message,
    } as const
    const received = { mode: 'extended', step: null, statement, parameters, whole: null } as const
    entry.request = this.#state.log.received(id, received, decision)
    this.#answer(entry, id, refusalOf(code, message, id))
  }

  refuseUnknown(entry: Expected, code: string, message: string): void {
    const verdict = { ...unparseable(message), operation: 'unknown' }
    const text = Buffer.alloc(0)
    this.refuse(entry, { text, sha256: sha256(text), verdict }, [], code, message)
  }

  /** Puts what always fails in place of the message, and keeps our answer for when it does. */
  #answer(entry: Expected, decisionId: string, refusal: Refusal): void {
    const state = this.#state
    // The target is to fail too, with all that was kept from it.
    state.isWithheld = false
    if (entry.request !== null) {
      const isCancelled = refusal.sqlState === sqlState.cancelled
      entry.request.fail(refusal.sqlState, refusal.message)
      state.log.completed(entry.request, isCancelled ? 'cancelled' : 'refused')
      entry.request = null
    }
    entry.isLast = false
    const isSimple = entry.kind === 'query' || entry.kind === 'function-call'
    const kind: ExpectedKind = isSimple ? 'query' : 'parse'
    const standIn = new Expected(kind, entry.batch)
    const details = [refusal.detail, spentInTransaction(state)].filter((each) => each !== null)
    standIn.refusal = encodeRefusal({ ...refusal, detail: details.join('; ') || null })
    state.expected.push(standIn)
    this.#toTarget.push(isSimple ? failingQuery(decisionId) : failingParse(decisionId))
    // As behind a Query that is sent on.
    if (isSimple) state.batch++
    else state.isSkipping = true
  }

  /** What was parsed and bound for a request that was let through is part of it. */
  claim(portal: Portal, request: RequestInFlight | null): void {
    this.#unclaimed.claim(portal, request)
  }

  /** Parse and Bind without an Execute become requests of their own, before they are forwarded. What is refused is not, nor what is behind it. */
  recordUnclaimed(): void {
    for (let step = this.#unclaimed.first; step !== null; step = this.#unclaimed.first) {
      const { entry, portal, statement } = step
      const kind = portal === null ? 'parse' : 'bind'
      if (this.admit(entry, statement, portal?.parameters ?? [], kind) !== 'forwarded') return
      this.#unclaimed.dropFirst()
    }
  }

  /** Before anything else is taken: what was kept back is decided anew where another policy is in force by now. */
  renewUnclaimed(): void {
    // Of what has waited it is decided with what it was parsed and bound for.
    if (this.#state.wait === null && this.#unclaimed.isOutdated) this.recordUnclaimed()
  }
}

/** What became of a request: `waits` keeps its message, to be offered again when the wait is over. */
export type Admission = 'forwarded' | 'refused' | 'waits'

interface Asked {
  readonly id: string
  readonly entry: Expected
  readonly statement: Statement
  readonly parameters: readonly BoundParameter[]
  readonly mode: RequestMode
}

/** What the recorder did not take and must not run, at a point where no answer of its own is possible: the session ends. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable'
}

/** To parse and to bind what is held needs nobody: neither runs it. */
function decisionOn(
  verdict: Verdict,
  step: 'parse' | 'bind' | null,
): Omit<DecisionPart, 'decision_id'> {
  const { refusal, ruleIds, reason } = verdict
  if (refusal?.kind !== 'held' || step === null) {
    return { outcome: outcomeOf(verdict), rule_ids: ruleIds, reason }
  }
  return {
    outcome: 'allow',
    rule_ids: ruleIds,
    reason: `prepared only; to run, it ${refusal.message}`,
  }
}

const transactionIsAborted =
  'needs approval, and its transaction is aborted: it would not be run, so nobody was asked and no approval used; end the transaction first'

const mayBeReadOtherwise =
  'needs approval, and what comes before it in its batch may change how its dates and times are read; send Sync before it'

const cannotBeRead =
  'needs approval, which cannot be asked for: what it runs stands under a name that an earlier message gave, where nobody who is asked can read it; send the statement itself instead of EXECUTE, FETCH or WHERE CURRENT OF'

function whyItWaitsNoMore({ end, waitMs }: ApprovalWait): string | null {
  switch (end) {
    case 'out_of_time':
      return `nobody has answered within ${Math.round(waitMs / 1000)} s`
    case 'policy_changed':
      return 'another policy is in force since it began to wait'
    case 'overrun':
      return 'it waits no longer, since too much was sent behind it'
    case null:
    case 'answered':
    case 'cancelled':
      return null
  }
}
