import { Expected } from './expected-responses.ts'
import { isAboutHeld, PutOffExecute } from './held-in-batch.ts'
import { Outgoing } from './outgoing.ts'
import { OversizedMessage } from './oversized.ts'
import { typesOfUsers } from './parameter-types.ts'
import { BodyReader } from './protocol/body-reader.ts'
import { ProtocolError } from './protocol/error.ts'
import type { FrameSink, PartPosition } from './protocol/frame.ts'
import { decodeFrontend, encodeFrontend } from './protocol/frontend.ts'
import { frontend, headerBytes } from './protocol/message-types.ts'
import { sqlState } from './refusals.ts'
import { AuditUnavailable, RequestGate } from './request-gate.ts'
import { mayBeMisread } from './session-state.ts'
import type { SessionState } from './session-state.ts'
import { ownParameter, ownStatement, sha256, unparseable } from './statements.ts'
import type { Statement } from './statements.ts'
import {
  endsWithholding,
  mayWithholdMore,
  progressWith,
  withholdIfItMayWait,
} from './withheld-batch.ts'

/**
 * The client's messages on their way to the target: each statement is decided and recorded before it is added to what goes
 * out. What is refused never goes out; a message that fails stands in for it (see refusals.ts).
 */
export class FrontendRelay implements FrameSink {
  readonly toTarget = new Outgoing()
  isTerminated = false
  readonly #state: SessionState
  readonly #gate: RequestGate
  #oversized: OversizedMessage | null = null
  readonly #putOff: PutOffExecute

  constructor(state: SessionState) {
    this.#state = state
    this.#gate = new RequestGate(state, this.toTarget)
    this.#putOff = new PutOffExecute(state, this.#gate, (bytes) =>
      this.#execute(bytes, 0, bytes.length),
    )
  }

  message(type: number, bytes: Buffer, start: number, end: number): boolean {
    const state = this.#state
    if (state.awaited !== null || state.expected.length >= state.limits.maxInFlight) return false
    if (state.wait?.end === null) return false
    if (this.#putOff.isThere && type !== frontend.terminate) {
      if (!this.#putOff.goOn(isAboutHeld(state, type, bytes, start, end))) return false
    }
    if (state.isSkipping && type !== frontend.sync && type !== frontend.terminate) {
      // The target would ignore it too; COPY data must not even look like a message of its own.
      return true
    }
    if (endsWithholding(type)) state.isWithheld = false
    switch (type) {
      case frontend.query:
        return this.#query(bytes, start, end)
      case frontend.parse:
        return this.#parse(bytes, start, end)
      case frontend.bind:
        return this.#bind(bytes, start, end)
      case frontend.execute:
        return this.#execute(bytes, start, end)
      case frontend.describe:
        this.#describe(bytes, start, end)
        return true
      case frontend.close:
        this.#close(bytes, start, end)
        return true
      case frontend.sync:
        this.#sync(bytes, start, end)
        return true
      case frontend.flush:
        this.toTarget.add(bytes, start, end)
        return true
      case frontend.copyData:
        this.#copyData(bytes, start + headerBytes, end)
        this.toTarget.add(bytes, start, end)
        return true
      case frontend.copyDone:
      case frontend.copyFail:
        this.#copyEnd(bytes, start, end)
        return true
      case frontend.functionCall:
        this.#functionCall(bytes.subarray(start + headerBytes, end))
        return true
      case frontend.terminate:
        this.isTerminated = true
        return true
      default:
        throw new ProtocolError('MESSAGE_UNEXPECTED', 'unknown message type')
    }
  }

  part(type: number, bytes: Buffer, start: number, end: number, position: PartPosition): boolean {
    const state = this.#state
    if (position.first && state.awaited !== null) return false
    // Too long a Parse or Bind has its batch fail.
    if (position.first && !this.#putOff.goOn(type !== frontend.copyData)) return false
    if (type === frontend.copyData) {
      if (state.isSkipping) return true
      this.#copyData(bytes, position.first ? start + headerBytes : start, end)
      this.toTarget.add(bytes, start, end)
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
    if (!this.#state.isWithheld && !this.#putOff.isThere) return
    try {
      this.#gate.recordUnclaimed()
      this.#putOff.leave()
    } catch (error) {
      if (!(error instanceof AuditUnavailable)) throw error
    }
  }

  // Query: String text
  #query(bytes: Buffer, start: number, end: number): boolean {
    this.#refuseDuringCopy()
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
    this.#applyNames(statement)
    if (statement.verdict.settles) this.#state.awaited = entry
    this.#forward(entry, bytes, start, end)
    return true
  }

  // Parse: String statement, String text, Int16 n, Int32 type OID × n
  #parse(bytes: Buffer, start: number, end: number): boolean {
    this.#refuseDuringCopy()
    const { statements, cache, batch, limits } = this.#state
    const body = new BodyReader(bytes, start + headerBytes, end)
    const name = body.cstring()
    if (statements.isUncertain(name, batch)) return false
    const text = body.cstringBytes()
    const types = typesOfUsers(body.bytes(body.uint16() * 4))
    body.finish()
    // It is kept for as long as the name is.
    const statement =
      types.length === 0
        ? ownStatement(cache.decide(text, 0, text.length))
        : cache.decideTyped(text, types)
    const entry = new Expected('parse', batch)
    const { refusal } = statement.verdict
    if (refusal !== null && refusal.kind !== 'held') {
      this.#gate.admit(entry, statement, [], null)
      return true
    }
    if (!withholdIfItMayWait(this.#state, statement)) return false
    if (mayBeMisread(this.#state, text)) {
      this.#gate.refuse(
        entry,
        statement,
        [],
        sqlState.blocked,
        'statement refused: send Sync first',
      )
      return true
    }
    if (name !== '' && statements.size >= limits.maxNames) {
      this.#gate.refuse(entry, statement, [], sqlState.tooMuch, 'too many prepared statements')
      return true
    }
    const isRedeclared = name !== '' && statements.get(name) !== null
    cache.declare('statement', name, statement)
    entry.statement = statements.declare(name, statement, batch)
    this.#gate.addUnclaimed({ entry, portal: null, statement })
    this.#forward(entry, bytes, start, end)
    // Whether the target keeps the old statement or takes the new one must be known before the name is used.
    if (isRedeclared) this.#await(entry)
    return true
  }

  #bind(bytes: Buffer, start: number, end: number): boolean {
    this.#refuseDuringCopy()
    const { statements, portals, batch, limits } = this.#state
    const bind = decodeFrontend(frontend.bind, bytes, start, end)
    if (bind.type !== 'bind') throw new TypeError('a Bind message decodes as one')
    const { statement: statementName, portal: name } = bind
    if (statements.isUncertain(statementName, batch) || portals.isUncertain(name, batch))
      return false
    const statement = statements.get(statementName)
    const entry = new Expected('bind', batch)
    if (statement === null) {
      this.#gate.refuseUnknown(
        entry,
        sqlState.statementUnknown,
        'prepared statement does not exist',
      )
      return true
    }
    // As the policy in force has it: the statement may have been prepared under another.
    if (!this.#gate.mayBegin(this.#state.cache.renewed(statement))) return false
    if (name !== '' && portals.size >= limits.maxNames) {
      this.#gate.refuse(entry, statement, [], sqlState.tooMuch, 'too many portals')
      return true
    }
    const isRedeclared = name !== '' && portals.get(name) !== null
    // A named portal outlives the chunk that its values lie in.
    const parameters = name === '' ? bind.parameters : bind.parameters.map(ownParameter)
    const portal = { statement, parameters }
    this.#state.cache.declare('portal', name, statement)
    entry.portal = portals.declare(name, portal, batch)
    this.#gate.addUnclaimed({ entry, portal, statement })
    this.#forward(entry, bytes, start, end)
    if (isRedeclared) this.#await(entry)
    return true
  }

  // Execute: String portal, Int32 maximum of rows
  #execute(bytes: Buffer, start: number, end: number): boolean {
    this.#refuseDuringCopy()
    const { portals, batch } = this.#state
    const body = new BodyReader(bytes, start + headerBytes, end)
    const name = body.cstring()
    body.int32()
    body.finish()
    if (portals.isUncertain(name, batch)) return false
    const portal = portals.get(name)
    if (portal !== null && this.#putOff.takes(portal, bytes, start, end)) return true
    const entry = new Expected('execute', batch)
    if (portal === null) {
      this.#gate.refuseUnknown(entry, sqlState.portalUnknown, 'portal does not exist')
      return true
    }
    const admission = this.#gate.admit(entry, portal.statement, portal.parameters, null)
    if (admission !== 'forwarded') return admission !== 'waits'
    this.#state.isWithheld = false
    this.#gate.claim(portal, entry.request)
    this.#applyNames(portal.statement)
    if (portal.statement.verdict.settles) this.#state.isUnsettled = true
    // As the policy in force says, which may be another than when it was prepared.
    if (entry.request?.mask != null) this.#describeFor(entry, name)
    this.#forward(entry, bytes, start, end)
    return true
  }

  /** Clients remember what a statement answers and do not ask again; the mask has to know for this very portal. */
  #describeFor(execute: Expected, name: string): void {
    const entry = new Expected('describe-portal', execute.batch)
    entry.isOwn = true
    entry.request = execute.request
    this.#state.expected.push(entry)
    this.toTarget.push(encodeFrontend({ type: 'describe', of: 'portal', name }))
  }

  #describe(bytes: Buffer, start: number, end: number): void {
    this.#refuseDuringCopy()
    const describe = decodeFrontend(frontend.describe, bytes, start, end)
    const isStatement = describe.type === 'describe' && describe.of === 'statement'
    const kind = isStatement ? 'describe-statement' : 'describe-portal'
    this.#forward(new Expected(kind, this.#state.batch), bytes, start, end)
  }

  #close(bytes: Buffer, start: number, end: number): void {
    this.#refuseDuringCopy()
    const { statements, portals, batch } = this.#state
    const close = decodeFrontend(frontend.close, bytes, start, end)
    if (close.type !== 'close') throw new TypeError('a Close message decodes as one')
    const entry = new Expected('close', batch)
    if (close.of === 'statement') entry.statement = statements.declare(close.name, null, batch)
    else entry.portal = portals.declare(close.name, null, batch)
    this.#forward(entry, bytes, start, end)
  }

  #sync(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    if (state.copyIn !== null) {
      // The target ignores Sync while it reads COPY data.
      this.toTarget.add(bytes, start, end)
      return
    }
    this.#gate.recordUnclaimed()
    state.isSkipping = false
    const entry = new Expected('sync', state.batch)
    if (state.isUnsettled) state.awaited = entry
    state.isUnsettled = false
    state.batch++
    this.#forward(entry, bytes, start, end)
  }

  #copyData(bytes: Buffer, start: number, end: number): void {
    const request = this.#state.copyIn ?? this.#copySentAhead()
    if (request === null) return
    request.bytesIn += end - start
    request.response.addCopyData(bytes, start, end)
    if (this.#state.copyIn === null) request.response.suspend()
  }

  #copySentAhead(): Expected['request'] {
    const request = this.#state.expected.lastRunning()
    return request?.statement?.verdict.operation.includes('copy') === true ? request : null
  }

  #copyEnd(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    if (state.copyIn !== null) {
      state.copyIn.response.suspend()
      state.copyIn = null
    } else if (state.expected.length > 0) {
      state.expected.push(new Expected('copy-end', state.batch))
    }
    this.toTarget.add(bytes, start, end)
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
    this.#refuseDuringCopy()
    const { head, bytes, sha256 } = oversized.finish()
    const verdict = unparseable(`longer than the limit (${bytes} bytes)`)
    const statement = { text: head, sha256, verdict }
    const isQuery = oversized.type === frontend.query
    const entry = new Expected(isQuery ? 'query' : 'parse', state.batch)
    this.#gate.admit(entry, statement, [], null, isQuery ? 'simple' : 'extended', bytes)
  }

  #forward(entry: Expected, bytes: Buffer, start: number, end: number): void {
    this.#state.progress = progressWith(this.#state.progress, entry.kind)
    this.#state.expected.push(entry)
    this.toTarget.add(bytes, start, end)
  }

  /** Takes no further message before the reply to this one, which the target is asked to send at once. */
  #await(entry: Expected): void {
    this.#state.awaited = entry
    this.#state.isWithheld = false
    this.toTarget.push(flushMessage)
  }

  #applyNames(statement: Statement): void {
    for (const { of, name } of statement.verdict.names) {
      if (of === 'statement') this.#state.statements.forget(name)
      else this.#state.portals.forget(name)
    }
  }

  #refuseDuringCopy(): void {
    if (this.#state.copyIn === null) return
    throw new ProtocolError('MESSAGE_UNEXPECTED', 'unexpected message during COPY from stdin')
  }
}

const recordedHeadBytes = 64 * 1024
const flushMessage = Buffer.of(frontend.flush, 0, 0, 0, 4)
