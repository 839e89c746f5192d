import { overrideOf } from '../../edge/guard/approvals/approval.ts'
import type { Overrides } from '../../edge/guard/approvals/overrides.ts'
import type { BookedApproval } from './approval-book.ts'
import type { UnversionedUpdate } from '../control/control-publisher.ts'
import { overrideUpdate } from './override-update.ts'

export interface ApprovalTellingOptions {
  /** The approvals as the sealed events tell them. */
  readonly book: { all(): Promise<readonly BookedApproval[]> }
  readonly publisher: { publish(update: UnversionedUpdate): Promise<unknown> }
  /** The overrides whose review was told already. */
  readonly overrides: Pick<Overrides, 'find'>
}

/**
 * Tells the edges what was answered. An answer is recorded first, so a process that dies before it has told it leaves it among the
 * sealed events: whatever there was answered, is still good and was not told by this process, is told again, until it succeeds. An edge
 * that has heard it takes no notice. That an override has to be reviewed is told before the override.
 */
export class ApprovalTelling {
  readonly #options: ApprovalTellingOptions
  #told = new Set<string>()

  constructor(options: ApprovalTellingOptions) {
    this.#options = options
  }

  /** Resolves when the outcome, if there is one already, is on the bus. */
  async tell(booked: BookedApproval): Promise<void> {
    await this.#tellReview(booked)
    const { approval, edge } = booked
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

  /** Also of an override that was used or has expired meanwhile: it waits for its review all the same. */
  async #tellReview(booked: BookedApproval): Promise<void> {
    const { overrides, publisher } = this.#options
    const { approval } = booked
    if (overrideOf(approval) === null || overrides.find(approval.approvalId) !== null) return
    await publisher.publish(overrideUpdate(booked))
  }
}
