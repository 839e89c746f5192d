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
  #timer: NodeJS.Timeout | null = null
  #working: Promise<void> = Promise.resolve()

  constructor(options: ApprovalTellingOptions) {
    this.#options = options
  }

  /** Catches up now and again, until it is disposed. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#working = this.#working.then(() => this.#try())
    }, everyMs)
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

  /** Tells what is answered and was not told. */
  async catchUp(): Promise<void> {
    const booked = await this.#options.book.all()
    const ids = new Set(booked.map(({ approval }) => approval.approvalId))
    this.#told = new Set([...this.#told].filter((id) => ids.has(id)))
    for (const each of booked) if (!this.#told.has(each.approval.approvalId)) await this.tell(each)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#working
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
