import type { DecisionPart } from '../../../schemas/event.ts'
import { Expected } from './expected-responses.ts'
import type { ExpectedKind } from './expected-responses.ts'
import type { Outgoing, OutgoingMark } from './outgoing.ts'
import type { BoundParameter } from './protocol/frontend.ts'
import { encodeRefusal, failingParse, failingQuery, refusalOf, sqlState } from './refusals.ts'
import type { Refusal } from './refusals.ts'
import type { RequestInFlight, RequestMode } from './request-in-flight.ts'
import type { SessionState } from './session-state.ts'
import { outcomeOf } from './statement-policy.ts'
import { sha256, unparseable } from './statements.ts'
import type { Portal, Statement } from './statements.ts'

/**
 * Where a request is recorded and let through or refused. What is let through, the caller forwards; for what is refused the
 * gate has already put its stand-in on the way (see refusals.ts).
 */
export class RequestGate {
  /** True when requests were recorded that have not been forwarded yet. */
  hasRecorded = false
  readonly #state: SessionState
  readonly #toTarget: Outgoing
  /** Parse and Bind of this chunk that no Execute has made part of its request yet. */
  #unclaimed: Unclaimed[] = []
  /** Where the unclaimed began; null when something behind them was recorded, so that they cannot be taken back alone. */
  #unclaimedFrom: { readonly out: OutgoingMark; readonly expected: number } | null = null

  constructor(state: SessionState, toTarget: Outgoing) {
    this.#state = state
    this.#toTarget = toTarget
  }

  /**
   * Records a request and its decision. False when it must not be forwarded: then the refusal is on its way already.
   */
  admit(
    entry: Expected,
    declared: Statement,
    parameters: readonly BoundParameter[],
    step: 'parse' | 'bind' | null,
    mode: RequestMode = 'extended',
    wholeBytes: number | null = null,
  ): boolean {
    const state = this.#state
    // A simple query has been decided just now.
    const statement = mode === 'extended' ? state.cache.renewed(declared) : declared
    const { sha256 } = statement
    const id = state.log.nextRequestId()
    const decided = this.#decide(id, statement, parameters, step, mode)
    const request = state.log.received(
      id,
      {
        mode,
        step,
        statement,
        parameters,
        whole: wholeBytes === null ? null : { bytes: wholeBytes, sha256 },
      },
      { decision_id: id, ...decided.decision },
    )
    this.hasRecorded = true
    entry.request = request
    entry.isLast = true
    if (decided.refusal !== null) {
      const { code, message, position } = decided.refusal
      this.#answer(entry, id, refusalOf(code, message, id, position))
      return false
    }
    if (request !== null) {
      this.#unclaimedFrom = null
      return true
    }
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

  /** What the policy said, and for what it holds, what people say. To parse and to bind it needs nobody: neither runs it. */
  #decide(
    id: string,
    statement: Statement,
    parameters: readonly BoundParameter[],
    step: 'parse' | 'bind' | null,
    mode: RequestMode,
  ): Decided {
    const { verdict } = statement
    const { refusal, ruleIds, reason } = verdict
    const decision = { outcome: outcomeOf(verdict), rule_ids: ruleIds, reason }
    if (refusal?.kind !== 'held') {
      const code = refusal?.kind === 'syntax' ? sqlState.syntax : sqlState.blocked
      const position = refusal?.kind === 'syntax' ? refusal.position : null
      return { decision, refusal: refusal && { code, message: refusal.message, position } }
    }
    if (step !== null) return { decision, refusal: null }
    const approvals = refusal.obligations.filter((each) => each.kind === 'approval')
    const answer = this.#state.holds?.ask(id, statement, parameters, approvals, mode)
    const refused = (message: string, code: string = sqlState.blocked): Decided => ({
      decision,
      refusal: { code, message, position: null },
    })
    switch (answer?.kind) {
      case undefined:
        return refused(refusal.message)
      case 'held':
        return refused(answer.message)
      case 'unrecorded':
        return refused('its approval cannot be recorded, so it was not run', sqlState.notRecorded)
      case 'granted': {
        const outcome = verdict.mask === null ? 'allow' : 'mask'
        return { decision: { outcome, rule_ids: ruleIds, reason: answer.reason }, refusal: null }
      }
    }
  }

  addUnclaimed(step: Unclaimed): void {
    if (this.#unclaimed.length === 0) {
      this.#unclaimedFrom = { out: this.#toTarget.mark(), expected: this.#state.expected.length }
    }
    this.#unclaimed.push(step)
  }

  #takeBackUnclaimed(): void {
    if (this.#unclaimed.length === 0) return
    const from = this.#unclaimedFrom
    if (from === null) throw new AuditUnavailable()
    const { expected, statements, portals } = this.#state
    this.#unclaimed = []
    this.#toTarget.rollBack(from.out)
    for (const { statement, portal } of expected.rollBack(from.expected)) {
      if (statement !== null) statements.revert(statement)
      if (portal !== null) portals.revert(portal)
    }
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
    if (entry.request !== null) {
      entry.request.fail(refusal.sqlState, refusal.message)
      state.log.completed(entry.request, 'refused')
      entry.request = null
    }
    entry.isLast = false
    const isSimple = entry.kind === 'query' || entry.kind === 'function-call'
    const kind: ExpectedKind = isSimple ? 'query' : 'parse'
    const standIn = new Expected(kind, entry.batch)
    standIn.refusal = encodeRefusal(refusal)
    state.expected.push(standIn)
    this.#toTarget.push(isSimple ? failingQuery(decisionId) : failingParse(decisionId))
    if (!isSimple) state.isSkipping = true
  }

  /** What was parsed and bound for a request that was let through is part of it. */
  claim(portal: Portal, request: RequestInFlight | null): void {
    if (this.#unclaimed.length === 0) return
    for (const step of this.#unclaimed) {
      if (step.statement === portal.statement && (step.portal === null || step.portal === portal)) {
        step.entry.request = request
      }
    }
    this.#unclaimed = this.#unclaimed.filter((step) => step.entry.request === null)
  }

  /** Parse and Bind without an Execute become requests of their own, before they are forwarded. */
  recordUnclaimed(): void {
    if (this.#unclaimed.length === 0) return
    const unclaimed = this.#unclaimed
    for (const { entry, portal, statement } of unclaimed) {
      if (entry.request !== null) continue
      const step = portal === null ? 'parse' : 'bind'
      if (!this.admit(entry, statement, portal?.parameters ?? [], step)) break
    }
    this.#unclaimed = []
  }
}

interface Decided {
  readonly decision: Omit<DecisionPart, 'decision_id'>
  readonly refusal: {
    readonly code: string
    readonly message: string
    readonly position: number | null
  } | null
}

interface Unclaimed {
  readonly entry: Expected
  /** Null for a Parse. */
  readonly portal: Portal | null
  readonly statement: Statement
}

/** What the recorder did not take and must not run, at a point where no answer of its own is possible: the session ends. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable'
}
