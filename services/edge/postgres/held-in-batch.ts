import { Expected } from './expected-responses.ts'
import { declaredStatement } from './parameter-types.ts'
import { BodyReader } from './protocol/body-reader.ts'
import { frontend, headerBytes } from './protocol/message-types.ts'
import { sqlState } from './refusals.ts'
import type { RequestGate } from './request-gate.ts'
import type { SessionState } from './session-state.ts'
import type { Portal, Statement } from './statements.ts'

/**
 * An approval is for one execution, and what lies between two Syncs is one transaction: of several executions that are held in one
 * batch, as `executemany` sends them, the first would use its approval up, and the second undo what that let run. So an Execute of what
 * is held is put off until the message behind it says that it is the only one, or the batch is refused with nothing asked for or
 * used. Nobody can tell: without Flush or Sync the target need not answer.
 */
export class PutOffExecute {
  readonly #state: SessionState
  readonly #gate: Pick<RequestGate, 'refuse'>
  readonly #run: (message: Buffer) => boolean
  #putOff: { readonly message: Buffer; readonly portal: Portal } | null = null

  /** `run` takes the message up for good; false: not now. */
  constructor(
    state: SessionState,
    gate: Pick<RequestGate, 'refuse'>,
    run: (message: Buffer) => boolean,
  ) {
    this.#state = state
    this.#gate = gate
    this.#run = run
  }

  get isThere(): boolean {
    return this.#putOff !== null
  }

  /** True when this Execute is put off. False when it is not held, or is the one that was put off before. */
  takes(portal: Portal, bytes: Buffer, start: number, end: number): boolean {
    if (this.#putOff !== null || !isHeld(this.#state, portal.statement)) return false
    this.#putOff = { message: Buffer.from(bytes.subarray(start, end)), portal }
    return true
  }

  /** Takes it up with what comes behind it: runs it, or refuses the batch where that is about another one. False: not now. */
  goOn(isOneOfSeveral: boolean): boolean {
    if (this.#putOff === null) return true
    const { isSkipping, wait } = this.#state
    // One that has begun to wait stood alone when it did, by the policy of then.
    const hasWaited = wait !== null
    if (isSkipping && !hasWaited) {
      // Its batch has failed meanwhile: the target would ignore it.
      this.#putOff = null
      return true
    }
    if (isOneOfSeveral && !hasWaited)
      this.#refuse(this.#putOff.portal, sqlState.blocked, severalInBatch)
    else if (!this.#run(this.#putOff.message)) return false
    this.#putOff = null
    return true
  }

  /** The session ends: it came, and did nothing. */
  leave(): void {
    if (this.#putOff === null) return
    this.#refuse(this.#putOff.portal, sqlState.cancelled, leftBefore)
    this.#putOff = null
  }

  #refuse({ statement, parameters }: Portal, code: string, message: string): void {
    const entry = new Expected('execute', this.#state.batch)
    this.#gate.refuse(entry, statement, parameters, code, message)
  }
}

function isHeld({ cache }: SessionState, statement: Statement): boolean {
  return cache.renewed(statement).verdict.refusal?.kind === 'held'
}

/** Whether this message, behind a held Execute, is about another one in the same batch. */
export function isAboutHeld(
  state: SessionState,
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  const body = new BodyReader(bytes, start + headerBytes, end)
  switch (type) {
    case frontend.parse: {
      body.cstring()
      return declaredStatement(body, state.cache).verdict.refusal?.kind === 'held'
    }
    case frontend.query: {
      const text = body.cstringBytes()
      return state.cache.decide(text, 0, text.length).verdict.refusal?.kind === 'held'
    }
    case frontend.bind: {
      body.cstring()
      const statement = state.statements.get(body.name())
      return statement !== null && isHeld(state, statement)
    }
    case frontend.execute: {
      const portal = state.portals.get(body.name())
      return portal !== null && isHeld(state, portal.statement)
    }
    default:
      return false
  }
}

const severalInBatch =
  'an approval is for one execution with its values, and this batch has several that need one: nothing of the batch runs, and none was asked for; send each by itself with a Sync behind it (execute, not executemany), or one statement with all the values'

const leftBefore =
  'the client left before it was known whether another execution that needs approval follows'
