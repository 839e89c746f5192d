import type { Expected } from './expected-responses.ts'
import type { Outgoing, OutgoingMark } from './outgoing.ts'
import type { RequestInFlight } from './request-in-flight.ts'
import type { SessionState } from '../session-state.ts'
import type { Portal, Statement } from '../statements/statements.ts'

/** A Parse or Bind. */
export interface Step {
  readonly entry: Expected
  /** Null for a Parse. */
  readonly portal: Portal | null
  readonly statement: Statement
}

interface Placed extends Step {
  /** Where it begins. */
  readonly out: OutgoingMark
  readonly expected: number
}

/**
 * Parse and Bind that were added to what goes out and are part of no request yet. Until an Execute claims them or they are recorded as
 * requests of their own they can be taken back, as long as nothing was sent.
 */
export class UnclaimedSteps {
  readonly #state: SessionState
  readonly #toTarget: Outgoing
  #steps: Placed[] = []
  /** Of the policy that let the first of them through. */
  #decidedBy: Buffer | null = null
  #isBehindRecorded = false

  constructor(state: SessionState, toTarget: Outgoing) {
    this.#state = state
    this.#toTarget = toTarget
  }

  get first(): Step | null {
    return this.#steps[0] ?? null
  }

  /** True when another policy is in force by now than let them through. */
  get isOutdated(): boolean {
    return this.#steps.length > 0 && this.#decidedBy !== this.#state.cache.policyDigest
  }

  /** Before its message is added to what goes out. */
  add(step: Step): void {
    const { cache, expected } = this.#state
    if (this.#steps.length === 0) {
      this.#decidedBy = cache.policyDigest
      this.#isBehindRecorded = false
    }
    this.#steps.push({ ...step, out: this.#toTarget.mark(), expected: expected.length })
  }

  /** What was parsed and bound for this request is part of it. */
  claim(portal: Portal, request: RequestInFlight | null): void {
    this.#steps = this.#steps.filter((step) => {
      const isItsOwn =
        step.statement === portal.statement && (step.portal === null || step.portal === portal)
      if (isItsOwn) step.entry.request = request
      return !isItsOwn || request === null
    })
  }

  /** The first one goes out as a request of its own. */
  dropFirst(): void {
    this.#steps.shift()
  }

  /** A request behind them goes out: they cannot be taken back alone any more. */
  followedByRequest(): void {
    this.#isBehindRecorded = true
  }

  /** Takes them back, with all that was added behind the first. False where a request behind them goes out already. */
  takeBack(): boolean {
    const [first] = this.#steps
    if (first === undefined) return true
    if (this.#isBehindRecorded) return false
    const { expected, statements, portals } = this.#state
    this.#steps = []
    this.#toTarget.rollBack(first.out)
    for (const entry of expected.rollBack(first.expected)) {
      if (entry.statement !== null) statements.revert(entry.statement)
      if (entry.portal !== null) portals.revert(entry.portal)
      if (this.#state.awaited === entry) this.#state.awaited = null
    }
    return true
  }
}
