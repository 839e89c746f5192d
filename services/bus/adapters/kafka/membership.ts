import { Assignment } from './assignment.ts'
import { isOfType } from './fault.ts'
import { Lease } from './lease.ts'

/** Membership is over: others may have the partitions. */
const lostTypes = [
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]

/**
 * What a member of a group may take for its own: the partitions of the newest generation, while the coordinator was heard of late
 * and has not taken them away. The client itself does not notice a rebalance while a handler is at work.
 */
export class Membership {
  readonly #lease: Lease
  #assignment = new Assignment({})
  #lost: unknown = null
  #heartbeat: (() => Promise<void>) | null = null

  constructor(sessionTimeoutMs: number) {
    this.#lease = new Lease(sessionTimeoutMs)
  }

  get assignment(): Assignment {
    return this.#assignment
  }

  /** What the coordinator said when it took the partitions away; null until then, and from the next assignment on. */
  get lost(): unknown {
    return this.#lost
  }

  begin(assignment: Assignment): void {
    this.#lease.renew()
    this.#lost = null
    this.#assignment = assignment
  }

  /** The coordinator has answered. */
  renew(): void {
    this.#lease.renew()
  }

  /** How to ask the coordinator, which the client tells with its first batch. */
  beatBy(heartbeat: () => Promise<void>): void {
    this.#heartbeat ??= heartbeat
  }

  isCurrent(assignment: Assignment): boolean {
    return this.#assignment === assignment
  }

  /** Asks nobody: the coordinator gives nothing away while the lease lasts, and the heartbeat learns what it says. */
  isReader(assignment: Assignment): boolean {
    if (this.#assignment !== assignment) return false
    if (this.#lost === null && this.#lease.isOver) this.#lost = new Unheard()
    return this.#lost === null
  }

  /** Whether this error says that the membership is over; then it is remembered. */
  isLostBy(error: unknown): boolean {
    if (!isOfType(error, ...lostTypes)) return false
    this.#lost = error
    return true
  }

  /** Keeps the membership while handlers are at work: the client does so only between them. */
  async beat(): Promise<void> {
    if (this.#heartbeat === null || this.#lost !== null) return
    const assignment = this.#assignment
    try {
      await this.#heartbeat()
    } catch (error) {
      if (this.#assignment !== assignment || this.isLostBy(error)) return
      if (this.#lease.isOver) this.#lost = new Unheard({ cause: error })
    }
  }
}

/** The coordinator was not heard for so long that it may have given the partitions away: the client has to join again. */
class Unheard extends Error {
  override readonly name = 'Unheard'
  /** By which the client tells that. */
  readonly type = 'REBALANCE_IN_PROGRESS'

  constructor(options?: ErrorOptions) {
    super('the group coordinator does not answer', options)
  }
}
