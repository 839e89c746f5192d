import { setTimeout as pause } from 'node:timers/promises'

import type { Logger } from '../runtime/logger.ts'
import type { BookedApproval } from './approval-book.ts'
import type { UnversionedUpdate } from './control-publisher.ts'

export interface ApprovalTellingOptions {
  /** The approvals as the sealed events tell them. */
  readonly book: { all(): Promise<readonly BookedApproval[]> }
  readonly publisher: { publish(update: UnversionedUpdate): Promise<unknown> }
  readonly logger: Logger
}

const everyMs = 5_000

/**
 * Tells the edges what was answered. An answer is recorded first, so a process that dies before it has told it leaves it among the
 * sealed events: whatever there was answered, is still good and was not told by this process, is told again, until it succeeds. An edge
 * that has heard it takes no notice.
 */
export class ApprovalTelling implements AsyncDisposable {
  readonly #options: ApprovalTellingOptions
  #told = new Set<string>()
  readonly #stopping = new AbortController()
  #working: Promise<void> = Promise.resolve()

  constructor(options: ApprovalTellingOptions) {
    this.#options = options
  }

  /** Catches up now, and again a while after each time, until it is disposed. */
  start(): void {
    this.#working = this.#keepUp()
  }

  /** Resolves when the outcome, if there is one already, is on the bus. */
  async tell({ approval, edge }: BookedApproval): Promise<void> {
    const { kind } = approval.state
    if (kind !== 'granted' && kind !== 'denied') return
    await this.#options.publisher.publish({
      kind: 'approval',
      approval_id: approval.approvalId,
      edge,
      outcome: kind,
      decided_at: approval.state.atMs,
      binding_sha256: approval.bindingSha256,
      answers: approval.answers.map(({ decisionId, verdict, reason, by }) => {
        const { isDelegated, ...person } = by
        return {
          decision_id: decisionId,
          verdict,
          reason,
          by: { ...person, is_delegated: isDelegated },
        }
      }),
    })
    this.#told.add(approval.approvalId)
  }

  /** Tells what is answered and was not told. One that cannot be told keeps none of the others back; then it rejects. */
  async catchUp(): Promise<void> {
    const booked = await this.#options.book.all()
    const ids = new Set(booked.map(({ approval }) => approval.approvalId))
    this.#told = new Set([...this.#told].filter((id) => ids.has(id)))
    const untold = booked.filter(({ approval }) => !this.#told.has(approval.approvalId))
    const outcomes = await Promise.allSettled(untold.map((each) => this.tell(each)))
    const failed = outcomes.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#working
  }

  async #keepUp(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#try()
      await pause(everyMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #try(): Promise<void> {
    try {
      await this.catchUp()
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'answers to approvals could not be told to the edges yet',
      )
    }
  }
}
