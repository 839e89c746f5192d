import { CopyFromClient } from './copy-from-client.ts'
import { Expected } from './expected-responses.ts'
import { ExtendedQuery } from './extended-query.ts'
import { applyChanges, forward } from './forwarding.ts'
import { Outgoing } from './outgoing.ts'
import { HeldInBatch } from '../holds/held-in-batch.ts'
import { OversizedMessage } from './oversized.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { FrameSink, PartPosition } from '../protocol/frame.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'
import { AuditUnavailable, RequestGate } from '../request-gate.ts'
import type { SessionState } from '../session-state.ts'
import { sha256, unparseable } from '../statements/statements.ts'
import { endsWithholding, mayWithholdMore } from '../holds/withheld-batch.ts'

/**
 * The client's messages on their way to the target: each statement is decided and recorded before it is added to what goes
 * out. What is refused never goes out; a message that fails stands in for it (see refusals.ts).
 */
export class FrontendRelay implements FrameSink {
  readonly toTarget = new Outgoing()
  isTerminated = false
  readonly #state: SessionState
  readonly #gate: RequestGate
  readonly #extended: ExtendedQuery
  readonly #heldInBatch: HeldInBatch
  readonly #copy: CopyFromClient
  #oversized: OversizedMessage | null = null

  constructor(state: SessionState) {
    this.#state = state
    this.#gate = new RequestGate(state, this.toTarget)
    this.#heldInBatch = new HeldInBatch(state, this.#gate, (message) => this.#takeUp(message))
    this.#extended = new ExtendedQuery(state, this.#gate, this.toTarget, this.#heldInBatch)
    this.#copy = new CopyFromClient(state, this.toTarget)
  }

  message(type: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#hasRoomFor(type)) return false
    this.#gate.renewUnclaimed()
    if (this.#heldInBatch.isThere && type !== frontend.terminate) {
      this.#copy.refuseOthers()
      if (this.#heldInBatch.keeps(type, bytes, start, end)) return true
      if (!this.#heldInBatch.goOn()) return false
    }
    return this.#take(type, bytes, start, end)
  }

  #take(type: number, bytes: Buffer, start: number, end: number): boolean {
    const state = this.#state
    if (state.isSkipping && type !== frontend.sync && type !== frontend.terminate) {
      // The target would ignore it too; COPY data must not even look like a message of its own.
      return true
    }
    if (endsWithholding(type)) state.isWithheld = false
    switch (type) {
      case frontend.copyData:
        this.#copy.data(bytes, start, start + headerBytes, end)
        return true
      case frontend.copyDone:
      case frontend.copyFail:
        this.#copy.end(bytes, start, end)
        return true
      case frontend.sync:
        this.#extended.sync(bytes, start, end)
        return true
      case frontend.flush:
        this.toTarget.add(bytes, start, end)
        return true
      case frontend.terminate:
        this.isTerminated = true
        return true
      default:
        this.#copy.refuseOthers()
        return this.#request(type, bytes, start, end)
    }
  }

  part(type: number, bytes: Buffer, start: number, end: number, position: PartPosition): boolean {
    const state = this.#state
    if (position.first && this.#isHeldUp(type)) return false
    if (position.first) this.#gate.renewUnclaimed()
    if (this.#heldInBatch.isThere && position.first) {
      this.#copy.refuseOthers()
      if (!this.#heldInBatch.goOnBeforeLong(type)) return false
    }
    if (type === frontend.copyData) {
      if (state.isSkipping) return true
      this.#copy.data(bytes, start, position.first ? start + headerBytes : start, end)
      return true
    }
    if (type !== frontend.query && type !== frontend.parse && type !== frontend.bind) {
      throw new ProtocolError('LENGTH_OVER_LIMIT', 'message length over the limit')
    }
    state.isWithheld = false
    if (position.first) this.#oversized = new OversizedMessage(type, recordedHeadBytes)
    this.#oversized?.add(bytes, start, end, position.first)
    if (position.remaining === 0) this.#refuseOversized()
    return true
  }

  /** True once when requests were recorded since the last time. */
  takeRecorded(): boolean {
    const { hasRecorded } = this.#gate
    this.#gate.hasRecorded = false
    return hasRecorded
  }

  /** The chunk is at its end: what is to be known of it is taken now. */
  finishChunk(): void {
    const { copyIn, wait, isWithheld } = this.#state
    copyIn?.response.suspend()
    if (isWithheld && (wait !== null || mayWithholdMore(this.#state, this.toTarget.size))) return
    this.#state.isWithheld = false
    this.#gate.recordUnclaimed()
  }

  /** The session ends. What was withheld or put off stays here, and yet it came. */
  recordWithheld(): void {
    if (!this.#state.isWithheld && !this.#heldInBatch.isThere) return
    try {
      this.#gate.recordUnclaimed()
      this.#heldInBatch.leave()
    } catch (error) {
      if (!(error instanceof AuditUnavailable)) throw error
    }
  }

  #takeUp(message: Buffer): boolean {
    const type = message[0] ?? 0
    return this.#hasRoomFor(type) && this.#take(type, message, 0, message.length)
  }

  #hasRoomFor(type: number): boolean {
    const { expected, limits } = this.#state
    return !this.#isHeldUp(type) && expected.length < limits.maxInFlight
  }

  /**
   * A request waits for its approval, or a reply is awaited: then nothing is taken, but for the data without which a COPY never comes to
   * its reply.
   */
  #isHeldUp(type: number): boolean {
    const { awaited, copyIn, wait } = this.#state
    if (wait?.end === null) return true
    return awaited !== null && (copyIn === null || !copyMessages.has(type))
  }

  #request(type: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case frontend.query:
        return this.#query(bytes, start, end)
      case frontend.parse:
        return this.#extended.parse(bytes, start, end)
      case frontend.bind:
        return this.#extended.bind(bytes, start, end)
      case frontend.execute:
        return this.#extended.execute(bytes, start, end)
      case frontend.describe:
        this.#extended.describe(bytes, start, end)
        return true
      case frontend.close:
        this.#extended.close(bytes, start, end)
        return true
      case frontend.functionCall:
        this.#functionCall(bytes.subarray(start + headerBytes, end))
        return true
      default:
        throw new ProtocolError('MESSAGE_UNEXPECTED', 'unknown message type')
    }
  }

  // Query: String text
  #query(bytes: Buffer, start: number, end: number): boolean {
    const textStart = start + headerBytes
    if (end - textStart < 1 || bytes[end - 1] !== 0) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'string without terminator')
    }
    this.#gate.recordUnclaimed()
    if (this.#state.isSkipping) return true
    const statement = this.#state.cache.decide(bytes, textStart, end - 1)
    if (!this.#gate.mayBegin(statement)) return false
    const entry = new Expected('query', this.#state.batch)
    const admission = this.#gate.admit(entry, statement, [], null, 'simple')
    if (admission !== 'forwarded') return admission !== 'waits'
    this.#state.isWithheld = false
    if (applyChanges(this.#state, statement)) this.#state.awaited = entry
    forward(this.#state, this.toTarget, entry, bytes, start, end)
    // The ReadyForQuery behind its answer says nothing of what is bound after it, by a client that does not wait for that.
    this.#state.batch++
    return true
  }

  /** A function by its OID, without any SQL text: nothing that a policy over statements can decide. */
  #functionCall(body: Buffer): void {
    const text = Buffer.from(body)
    const verdict = {
      ...unparseable('function calls of the fast path are not relayed'),
      ruleIds: ['function-call'],
      operation: 'function_call',
    }
    const entry = new Expected('function-call', this.#state.batch)
    const statement = { text, sha256: sha256(text), verdict }
    this.#gate.admit(entry, statement, [], null, 'function_call')
  }

  #refuseOversized(): void {
    const oversized = this.#oversized
    if (oversized === null) return
    this.#oversized = null
    const state = this.#state
    if (state.isSkipping) return
    this.#copy.refuseOthers()
    const { head, bytes, sha256 } = oversized.finish()
    const verdict = unparseable(`longer than the limit (${bytes} bytes)`)
    const statement = { text: head, sha256, verdict }
    const isQuery = oversized.type === frontend.query
    const entry = new Expected(isQuery ? 'query' : 'parse', state.batch)
    this.#gate.admit(entry, statement, [], null, isQuery ? 'simple' : 'extended', bytes)
  }
}

const copyMessages: ReadonlySet<number> = new Set([
  frontend.copyData,
  frontend.copyDone,
  frontend.copyFail,
])

const recordedHeadBytes = 64 * 1024
