import type { Approval } from '../../guard/approvals/approval-state.ts'
import type { HeldRequests } from '../../guard/approvals/held-requests.ts'
import { encodeNotice } from '../protocol/backend.ts'
import type { RequestInFlight } from '../relay/request-in-flight.ts'

/** Why a wait is over. Whether the request may run is asked afterwards, whatever ended it. */
export type WaitEnd =
  | 'answered'
  | 'out_of_time'
  /** What was asked for is asked under a policy that is no longer in force. */
  | 'policy_changed'
  /** By the client. */
  | 'cancelled'
  /** The client has sent more behind the request than is kept for it. */
  | 'overrun'

/** The sessions of one edge that wait for an approval, so many at a time. */
export class WaitingRoom {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** False when there is no room. Who has entered leaves, once. */
  enter(): boolean {
    if (this.#taken >= this.#most) return false
    this.#taken += 1
    return true
  }

  leave(): void {
    this.#taken -= 1
  }
}

export interface ApprovalWaitOptions {
  readonly held: HeldRequests
  /** Entered already; the wait leaves it. */
  readonly room: WaitingRoom
  readonly approval: Approval
  readonly nowMs: number
  readonly waitMs: number
  /** As it was recorded when it came; null where the target allows it to run unrecorded. */
  readonly request: RequestInFlight | null
  readonly requestId: string
  /** Asked once a second. */
  readonly isOutdated: () => boolean
  /** Called once, when the wait is over, but not when it is abandoned. */
  readonly onOver: () => void
}

/** One request that waits for its approval, recorded and not sent on. It ends once: by an answer, by its time, or by what else ends it. */
export class ApprovalWait {
  readonly requestId: string
  readonly request: RequestInFlight | null
  readonly approvalId: string
  readonly waitMs: number
  /** Null while it lasts. */
  end: WaitEnd | null = null
  /** What the client has not been told yet. */
  #notice: Buffer | null
  readonly #options: ApprovalWaitOptions
  readonly #isToTheEnd: boolean
  readonly #deadline: NodeJS.Timeout
  readonly #lookout: NodeJS.Timeout
  readonly #stopListening: () => void

  constructor(options: ApprovalWaitOptions) {
    const { held, approval, nowMs, isOutdated } = options
    const leftMs = Math.max(0, approval.expiresAtMs - nowMs)
    this.#options = options
    this.requestId = options.requestId
    this.request = options.request
    this.approvalId = approval.approvalId
    this.#isToTheEnd = leftMs <= options.waitMs
    this.waitMs = Math.min(leftMs, options.waitMs)
    this.#notice = waitingNotice(approval.approvalId, nowMs + this.waitMs)
    // By a timer and not by the clock: one that is set back is not to keep anybody longer.
    this.#deadline = setTimeout(() => this.finish('out_of_time'), this.waitMs).unref()
    this.#lookout = setInterval(() => {
      if (isOutdated()) this.finish('policy_changed')
    }, lookoutMs).unref()
    this.#stopListening = held.onAnswer(approval.approvalId, () => this.finish('answered'))
  }

  /** True when the approval itself has run out with the wait: asking now would be asking anew. */
  get isExpired(): boolean {
    return this.end === 'out_of_time' && this.#isToTheEnd
  }

  /** What the client is told when it begins to wait: once. */
  takeNotice(): Buffer | null {
    const notice = this.#notice
    this.#notice = null
    return notice
  }

  finish(end: WaitEnd): void {
    if (this.end !== null) return
    this.end = end
    this.#stop()
    this.#options.onOver()
  }

  /** The session ends: nothing is asked and nobody is told any more. */
  abandon(): void {
    if (this.end !== null) return
    this.end = 'cancelled'
    this.#stop()
  }

  #stop(): void {
    clearTimeout(this.#deadline)
    clearInterval(this.#lookout)
    this.#stopListening()
    this.#options.room.leave()
  }
}

const lookoutMs = 1_000

function waitingNotice(approvalId: string, untilMs: number): Buffer {
  return encodeNotice({
    sqlState: '00000',
    message: `held for approval ${approvalId}: waiting for it until ${new Date(untilMs).toISOString()}`,
    hint: `another person approves it in the console, or by: affidavit approvals approve ${approvalId} --reason '…'; cancel to stop waiting`,
  })
}
