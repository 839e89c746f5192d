import { LRUCache } from 'lru-cache'

import { overrideOf } from '../../edge/guard/approvals/approval.ts'
import type { Overrides } from '../../edge/guard/approvals/overrides.ts'
import { stateOf } from './approval-book.ts'
import type { AnsweredApprovals, BookedApproval } from './approval-book.ts'
import type { UnversionedUpdate } from '../control/control-publisher.ts'
import { overrideUpdate } from './override-update.ts'

export interface ApprovalTellingOptions {
  /** The approvals as the sealed events tell them. */
  readonly book: {
    answered(): Promise<AnsweredApprovals>
    find(approvalId: string): Promise<BookedApproval | null>
  }
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
  /** Of which there is nothing more to tell. One that is forgotten is told again, which does no harm. */
  readonly #settled = new LRUCache<string, true>({ max: 50_000 })

  constructor(options: ApprovalTellingOptions) {
    this.#options = options
  }

  /** Resolves when the outcome, if there is one already, is on the bus. */
  async tell(booked: BookedApproval): Promise<void> {
    await this.#tellReview(booked)
    const { approval, edge, forgottenAtMs } = booked
    const { kind } = approval.state
    if (forgottenAtMs !== null || (kind !== 'granted' && kind !== 'denied')) return
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
    this.#settled.set(approval.approvalId, true)
  }

  /** Tells what is answered and was not told. One that cannot be told keeps none of the others back; then it rejects. */
  async catchUp(): Promise<void> {
    const { book } = this.#options
    const { ids, isCut } = await book.answered()
    const failures: unknown[] = []
    for (const id of ids) {
      if (this.#settled.has(id)) continue
      try {
        await this.#tellOne(id)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    if (isCut) throw new Error('there are more answers of the last day than were looked through')
  }

  async #tellOne(id: string): Promise<void> {
    const booked = await this.#options.book.find(id)
    if (booked === null) return
    await this.tell(booked)
    // Another person may still have to answer it.
    if (stateOf(booked) !== 'pending') this.#settled.set(id, true)
  }

  /** Also of an override that was used or has expired meanwhile: it waits for its review all the same. */
  async #tellReview(booked: BookedApproval): Promise<void> {
    const { overrides, publisher } = this.#options
    const { approval } = booked
    if (overrideOf(approval) === null || overrides.find(approval.approvalId) !== null) return
    await publisher.publish(overrideUpdate(booked))
  }
}
