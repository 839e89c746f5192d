import type { Expected } from './expected-responses.ts'
import { further } from '../masking/couplings.ts'
import type { Reach } from '../masking/couplings.ts'
import { withheldReport, withoutPayload } from '../masking/masked-answer.ts'
import { checksDeferred } from './forwarding.ts'
import { Outgoing } from './outgoing.ts'
import { spentBefore } from '../holds/spent-approvals.ts'
import { pinnedSettings } from '../target/pinned-settings.ts'
import { decodeBackend, transactionStatus } from '../protocol/backend.ts'
import type { ReportFields } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { FrameLimits, FrameSink, PartPosition } from '../protocol/frame.ts'
import { backend, headerBytes } from '../protocol/message-types.ts'
import type { RequestInFlight } from './request-in-flight.ts'
import type { SessionState } from '../session-state.ts'

/**
 * The target's messages on their way to the client. Each reply belongs to the oldest expected response; a reply that does not
 * fit it means that edge and target no longer agree about what is running, which ends the session.
 */
export class BackendRelay implements FrameSink {
  readonly toClient = new Outgoing()
  /** Set when the target reported that it reads text otherwise than the edge does. */
  drift: string | null = null
  readonly #state: SessionState
  /** The request whose result lies in the current chunk. */
  #reading: RequestInFlight | null = null

  constructor(state: SessionState) {
    this.#state = state
  }

  message(type: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#isOfOwn(type)) return true
    switch (type) {
      case backend.dataRow:
        this.#row(bytes, start, end)
        return true
      case backend.rowDescription:
        if (this.#rowDescription(bytes, start, end)) break
        return true
      case backend.commandComplete:
        this.#endStatement(bytes.toString('latin1', start + headerBytes, end - 1))
        break
      case backend.emptyQueryResponse:
      case backend.portalSuspended:
        this.#endStatement(null)
        break
      case backend.readyForQuery:
        if (this.#readyForQuery(bytes, start, end)) break
        return true
      case backend.parseComplete:
        if (this.#pop('parse')) break
        return true
      case backend.bindComplete:
        if (this.#pop('bind')) break
        return true
      case backend.closeComplete:
        if (this.#pop('close')) break
        return true
      case backend.noData:
        if (this.#popDescribe()) break
        return true
      case backend.errorResponse:
        if (this.#error(bytes, start, end)) return true
        break
      case backend.copyData:
        this.#copyData(bytes, start + headerBytes, end)
        break
      case backend.copyInResponse:
        this.#copyIn()
        break
      case backend.parameterStatus:
        this.#parameterStatus(bytes, start, end)
        break
      case backend.noticeResponse:
        if (this.#withheld(type, bytes, start, end)) return true
        break
      case backend.notificationResponse:
        if (!this.#state.isMasked) break
        this.toClient.push(withoutPayload(bytes, start, end))
        return true
      case backend.parameterDescription:
      case backend.copyOutResponse:
      case backend.copyDone:
        break
      case backend.functionCallResponse:
        this.#running().bytesOut += end - start
        break
      case backend.copyBothResponse:
        throw new ProtocolError('MESSAGE_UNEXPECTED', 'replication is not relayed')
      default:
        throw outOfStep()
    }
    this.toClient.add(bytes, start, end)
    return true
  }

  part(type: number, bytes: Buffer, start: number, end: number, position: PartPosition): boolean {
    if (type === backend.dataRow) {
      const request = this.#running()
      if (request.mask !== null) {
        const row = request.mask.part(bytes, start, end, position)
        if (row !== null) this.#send(request, row.bytes, row.start, row.end)
        return true
      }
      request.addRowPart(bytes, start, end, position.first)
    } else if (type === backend.copyData) {
      this.#copyData(bytes, position.first ? start + headerBytes : start, end)
    } else {
      throw new ProtocolError('LENGTH_OVER_LIMIT', 'reply of the target over the limit')
    }
    this.toClient.add(bytes, start, end)
    return true
  }

  /** The row and the end of what the edge itself runs, which is nobody's. */
  #isOfOwn(type: number): boolean {
    const { expected } = this.#state
    const { head } = expected
    if (head?.kind !== 'execute' || !head.isOwn) return false
    if (type === backend.commandComplete) expected.shift()
    return type === backend.dataRow || type === backend.commandComplete
  }

  /** The chunk goes away: what a result still needs of it is taken now. */
  finishChunk(): void {
    this.#reading?.response.suspend()
    this.#reading = null
  }

  #running(): RequestInFlight {
    const head = this.#state.expected.head
    const isRunning =
      head?.kind === 'query' || head?.kind === 'execute' || head?.kind === 'function-call'
    if (!isRunning || head.request === null) throw outOfStep()
    this.#reading = head.request
    return head.request
  }

  #row(bytes: Buffer, start: number, end: number): void {
    const request = this.#running()
    const masked = request.mask === null ? null : request.mask.row(bytes, start, end)
    if (masked === null) this.#send(request, bytes, start, end)
    else this.#send(request, masked.bytes, masked.start, masked.end)
  }

  #send(request: RequestInFlight, row: Buffer, start: number, end: number): void {
    request.addRow(row, start, end)
    this.toClient.add(row, start, end)
  }

  /** True when the client gets it. */
  #rowDescription(bytes: Buffer, start: number, end: number): boolean {
    const { expected } = this.#state
    const { head } = expected
    if (head?.kind === 'describe-portal' || head?.kind === 'describe-statement') {
      expected.shift()
      if (head.isOwn) head.request?.mask?.describe(bytes, start, end)
      // With the rows that follow at once it makes a result that can be read on its own.
      if (expected.head?.kind === 'execute') this.#running().response.add(bytes, start, end)
      return !head.isOwn
    }
    const request = this.#running()
    request.mask?.describe(bytes, start, end)
    request.response.add(bytes, start, end)
    return true
  }

  #endStatement(tag: string | null): void {
    const request = this.#running()
    request.endStatement(tag)
    const head = this.#state.expected.head
    if (head === null || head.kind !== 'execute') return
    this.#state.expected.shift()
    this.#finished(head)
    this.#complete(head)
  }

  /** True when the client gets it. */
  #readyForQuery(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== headerBytes + 1) throw outOfStep()
    const status = transactionStatus(bytes[start + headerBytes] ?? 0)
    this.#state.transactionStatus = status
    const { expected } = this.#state
    const head = expected.head
    if (head?.kind !== 'query' && head?.kind !== 'sync' && head?.kind !== 'function-call') {
      throw outOfStep()
    }
    expected.shift()
    this.#finished(head)
    this.#complete(head)
    this.#state.reading.reported(head.batch)
    if (status === 'I') this.#state.reach = 'none'
    if (status === 'I') this.#transactionEnded(head.batch)
    return !head.isOwn
  }

  #transactionEnded(batch: number): void {
    const { portals, cache } = this.#state
    if (portals.size > 0) portals.endTransaction(batch)
    const { codeRan } = this.#state
    if (codeRan !== null && codeRan.batch <= batch) this.#state.codeRan = null
    if (this.#state.used.length > 0) {
      this.#state.used = this.#state.used.filter((use) => use.batch > batch)
    }
    if (!this.#state.hasChangedCatalog) return
    // What is on its way may change it once more.
    const isAll = this.#state.expected.length === 0
    this.#state.hasChangedCatalog = !isAll
    cache.catalogChanged(isAll)
  }

  /** True when the client gets the reply. */
  #pop(kind: 'parse' | 'bind' | 'close'): boolean {
    const { expected, statements, portals } = this.#state
    const head = expected.head
    // A stand-in for a refused message that does not fail would have run something nobody decided.
    if (head?.kind !== kind || head.refusal !== null) throw outOfStep()
    expected.shift()
    if (head.statement !== null) statements.settle(head.statement)
    if (head.portal !== null) portals.settle(head.portal)
    this.#finished(head)
    this.#complete(head)
    return !head.isOwn
  }

  /** True when the client gets the reply. */
  #popDescribe(): boolean {
    const { expected } = this.#state
    const { head } = expected
    if (head?.kind !== 'describe-portal' && head?.kind !== 'describe-statement') throw outOfStep()
    expected.shift()
    return !head.isOwn
  }

  /** True when the client was told no more than that something was said. */
  #withheld(type: number, bytes: Buffer, start: number, end: number): boolean {
    const report = withheldReport(this.#reach(), type, bytes, start, end)
    if (report === null) return false
    this.toClient.push(report)
    return true
  }

  /** True when the edge's own answer went out instead. */
  #error(bytes: Buffer, start: number, end: number): boolean {
    const state = this.#state
    const head = state.expected.head
    const masked = withheldReport(this.#reach(), backend.errorResponse, bytes, start, end)
    const fields =
      masked === null ? fieldsOf(bytes, start, end) : fieldsOf(masked, 0, masked.length)
    // A target that ends the connection says so whatever is running.
    if (head === null || head.kind === 'sync' || fields.get('V') === 'FATAL') {
      // To the client, its own Sync is still to come.
      if (head?.isOwn === true) state.isSkipping = true
      if (masked !== null) this.toClient.push(masked)
      return masked !== null
    }
    state.copyIn = null
    const spent = head.refusal === null ? spentBefore(state, head.batch) : null
    if (spent !== null) this.toClient.push(spent)
    if (head.kind === 'query' || head.kind === 'function-call') {
      fail(head, fields)
    } else {
      this.#failBatch(fields)
    }
    const answer = head.refusal ?? masked
    if (answer === null) return false
    this.toClient.push(answer)
    return true
  }

  /** The target ignores everything up to Sync, so nothing before it gets another reply. */
  #failBatch(fields: ReportFields): void {
    const { expected, statements, portals } = this.#state
    let isFirst = true
    for (let entry = expected.head; entry?.kind !== 'sync'; entry = expected.head) {
      if (entry === null) {
        this.#state.isSkipping = true
        return
      }
      expected.shift()
      if (entry.statement !== null) statements.revert(entry.statement)
      if (entry.portal !== null) portals.revert(entry.portal)
      this.#finished(entry)
      if (entry.request === null) continue
      if (isFirst) fail(entry, fields)
      else
        entry.request.fail(fields.get('C') ?? '', 'not run: an earlier message of its batch failed')
      isFirst = false
      this.#state.log.completed(entry.request, entry.request.outcome())
    }
    // Behind a Sync of the edge the target would go on, where the client thinks that it does not.
    if (expected.head?.isOwn === true) this.#state.isSkipping = true
  }

  #copyData(bytes: Buffer, start: number, end: number): void {
    const request = this.#running()
    request.bytesOut += end - start
    request.response.addCopyData(bytes, start, end)
  }

  #copyIn(): void {
    const request = this.#running()
    this.#reading = null
    const state = this.#state
    const { awaited } = state
    state.copyIn = state.expected.beginCopyIn() ? null : request
    // The target ignores a Sync that was there already: the one behind the data is to be awaited.
    if (awaited?.kind === 'sync' && !state.expected.has(awaited)) {
      state.awaited = null
      state.isUnsettled = true
    }
  }

  #parameterStatus(bytes: Buffer, start: number, end: number): void {
    const status = decodeBackend(backend.parameterStatus, bytes, start, end)
    if (status?.type !== 'parameter-status') throw outOfStep()
    this.#state.reading.note(status.name, status.value)
    const pinned = pinnedSettings.get(status.name)
    if (pinned !== undefined && pinned !== status.value) this.drift = status.name
  }

  /** What a report may quote: of what runs now and, at the end of its transaction, of all that this left to be checked then. */
  #reach(): Reach {
    const { head } = this.#state.expected
    const own = head?.request?.mask?.withheldReports ?? 'none'
    const statement = head?.request?.statement ?? null
    const isOfEnd =
      head === null || head.kind === 'sync' || (statement !== null && checksDeferred(statement))
    return isOfEnd ? further(this.#state.reach, own) : own
  }

  #finished(entry: Expected): void {
    this.#state.reach = further(this.#state.reach, entry.request?.mask?.withheldReports ?? 'none')
    if (this.#state.awaited === entry) this.#state.awaited = null
  }

  #complete(entry: Expected): void {
    const { request } = entry
    if (request === null || !entry.isLast) return
    if (this.#reading === request) this.#reading = null
    if (request.statement?.verdict.changesCatalog === true) this.#state.hasChangedCatalog = true
    this.#state.log.completed(request, request.outcome())
  }
}

export function backendFrameLimits(limits: SessionState['limits']): FrameLimits {
  return {
    maxMessageBytes: limits.maxMessageBytes,
    wholeUpTo: (type) =>
      type === backend.dataRow || type === backend.copyData
        ? limits.passThroughBytes
        : limits.maxReplyBytes,
  }
}

function fieldsOf(bytes: Buffer, start: number, end: number): ReportFields {
  const decoded = decodeBackend(backend.errorResponse, bytes, start, end)
  if (decoded?.type !== 'error') throw outOfStep()
  return decoded.fields
}

function fail(entry: Expected, fields: ReportFields): void {
  entry.request?.fail(fields.get('C') ?? '', fields.get('M') ?? '')
}

function outOfStep(): ProtocolError {
  return new ProtocolError(
    'MESSAGE_UNEXPECTED',
    'protocol synchronization with the target was lost',
  )
}
