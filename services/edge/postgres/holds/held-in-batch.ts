import { BatchAhead } from './batch-ahead.ts'
import { Expected } from '../relay/expected-responses.ts'
import { frontend } from '../protocol/message-types.ts'
import { sqlState } from '../refusals.ts'
import type { RequestGate } from '../request-gate.ts'
import type { SessionState } from '../session-state.ts'
import type { Portal } from '../statements/statements.ts'

/**
 * An approval is for one execution, and what lies between two Syncs is one transaction: of several executions that are held in one
 * batch, as `executemany` sends them, the first would use its approval up, and the second undo what that let run. So an Execute of what
 * is held is put off, and what comes behind it kept, until Sync, Flush or whatever else wants an answer. Where it is the only one then,
 * or each of several is approved already, all is taken up; else the batch is refused with nothing asked for or used. Nobody can tell:
 * without Flush or Sync the target need not answer.
 */
export class HeldInBatch {
  readonly #state: SessionState
  readonly #gate: Pick<RequestGate, 'refuse' | 'continues'>
  readonly #takeUp: (message: Buffer) => boolean
  /** The Execute that is put off, and what came behind it. */
  #kept: Buffer[] = []
  #keptBytes = 0
  /** What is held of that; nothing once it is decided that it may go on. */
  #held: Portal[] = []
  #ahead: BatchAhead

  /** `takeUp` takes a message up as if it came now; false: not now. */
  constructor(
    state: SessionState,
    gate: Pick<RequestGate, 'refuse' | 'continues'>,
    takeUp: (message: Buffer) => boolean,
  ) {
    this.#state = state
    this.#gate = gate
    this.#takeUp = takeUp
    this.#ahead = new BatchAhead(state)
  }

  get isThere(): boolean {
    return this.#kept.length > 0
  }

  /** True when this Execute is put off. False when it is not held, or was put off before. */
  putsOff(portal: Portal, bytes: Buffer, start: number, end: number): boolean {
    if (this.isThere || !this.#needsApproval(portal)) return false
    this.#held = [portal]
    this.#ahead = new BatchAhead(this.#state)
    this.#keep(Buffer.from(bytes.subarray(start, end)))
    return true
  }

  /** True when this message is kept as well, or goes down with its batch. */
  keeps(type: number, bytes: Buffer, start: number, end: number): boolean {
    const isKept = keptTypes.has(type)
    if (this.#held.length === 0 || this.#state.isSkipping) return false
    if (!isKept && type !== frontend.query) return false
    if (isKept && !this.#hasRoomFor(end - start)) {
      this.#refuse(this.#held.length > 1 ? severalInBatch : tooMuchBehind)
      return true
    }
    const message = Buffer.from(bytes.subarray(start, end))
    const runs = this.#ahead.note(message)
    // What is executed of one portal is one execution, however many pieces it is read in.
    const isOther = runs !== null && !this.#held.includes(runs) && this.#needsApproval(runs)
    if (isOther) this.#held.push(runs)
    if (isKept) this.#keep(message)
    return isKept
  }

  /** Takes up what is kept, before a message that is not. False: not now. */
  goOn(): boolean {
    // Its batch has failed meanwhile: the target would ignore it.
    if (this.#held.length > 0 && this.#state.isSkipping) this.#forget()
    if (this.#held.length > 1 && !this.#areGranted()) this.#refuse(severalInBatch)
    this.#held = []
    for (let next = this.#kept[0]; next !== undefined; next = this.#kept[0]) {
      if (!this.#takeUp(next)) return false
      this.#kept.shift()
    }
    this.#keptBytes = 0
    return true
  }

  /** The same before a message that is too long to be looked at: a Parse, Bind or Query, which has its batch fail, or COPY data. */
  goOnBeforeLong(type: number): boolean {
    if (this.#held.length > 0 && !this.#state.isSkipping && type !== frontend.copyData) {
      this.#refuse(tooMuchBehind)
    }
    return this.goOn()
  }

  /** The session ends: it came, and did nothing. */
  leave(): void {
    this.#refuse(leftBefore, sqlState.cancelled)
  }

  /** They are used one after the other at once, as each is taken up: what is known of them now holds until then. */
  #areGranted(): boolean {
    const { holds, cache } = this.#state
    const asDecided = this.#held.map((each) => ({
      ...each,
      statement: cache.renewed(each.statement),
    }))
    return holds?.areGranted(asDecided) === true
  }

  #keep(message: Buffer): void {
    this.#kept.push(message)
    this.#keptBytes += message.length
  }

  #needsApproval(portal: Portal): boolean {
    const { refusal } = this.#state.cache.renewed(portal.statement).verdict
    return refusal?.kind === 'held' && !this.#gate.continues(portal)
  }

  #hasRoomFor(bytes: number): boolean {
    const { maxWaitingBytes, maxInFlight } = this.#state.limits
    return this.#keptBytes + bytes <= maxWaitingBytes && this.#kept.length < maxInFlight
  }

  /** The first is recorded as refused; what is behind it the target would ignore. */
  #refuse(message: string, code: string = sqlState.blocked): void {
    const [first] = this.#held
    if (first === undefined) return
    const entry = new Expected('execute', this.#state.batch)
    this.#gate.refuse(entry, first.statement, first.parameters, code, message)
    this.#forget()
  }

  #forget(): void {
    this.#kept = []
    this.#keptBytes = 0
    this.#held = []
  }
}

const keptTypes: ReadonlySet<number> = new Set([
  frontend.parse,
  frontend.bind,
  frontend.describe,
  frontend.close,
  frontend.execute,
])

const severalInBatch =
  'an approval is for one execution with its values, and this batch has several that need one, of which not each is approved already: nothing of the batch runs, and none was asked for; send each by itself with a Sync behind it (execute, not executemany), or one statement with all the values'

const tooMuchBehind =
  'too much comes behind what needs approval to be kept until it is known whether more of its batch does: nothing of the batch runs, and none was asked for; send what needs approval in a batch of its own, with a Sync behind it'

const leftBefore =
  'the client left before it was known whether another execution that needs approval follows'
