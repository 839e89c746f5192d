import { Expected } from './expected-responses.ts'
import type { Outgoing } from './outgoing.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { SessionState } from '../session-state.ts'

/** What the client sends for COPY FROM STDIN, which belongs to the request that began it. */
export class CopyFromClient {
  readonly #state: SessionState
  readonly #toTarget: Outgoing

  constructor(state: SessionState, toTarget: Outgoing) {
    this.#state = state
    this.#toTarget = toTarget
  }

  /** The message, or the part of one, in [start, end), of whose data the first byte is at `dataStart`. */
  data(bytes: Buffer, start: number, dataStart: number, end: number): void {
    this.#record(bytes, dataStart, end)
    this.#toTarget.add(bytes, start, end)
  }

  /** CopyDone or CopyFail. */
  end(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    if (state.copyIn !== null) {
      state.copyIn.response.suspend()
      state.copyIn = null
    } else if (state.expected.length > 0) {
      state.expected.push(new Expected('copy-end', state.batch))
    }
    this.#toTarget.add(bytes, start, end)
  }

  /** Throws `ProtocolError` while the target reads COPY data: no other message but Sync and Flush may come. */
  refuseOthers(): void {
    if (this.#state.copyIn === null) return
    throw new ProtocolError('MESSAGE_UNEXPECTED', 'unexpected message during COPY from stdin')
  }

  #record(bytes: Buffer, start: number, end: number): void {
    const request = this.#state.copyIn ?? this.#sentAhead()
    if (request === null) return
    request.bytesIn += end - start
    request.response.addCopyData(bytes, start, end)
    if (this.#state.copyIn === null) request.response.suspend()
  }

  #sentAhead(): Expected['request'] {
    const request = this.#state.expected.lastRunning()
    return request?.statement?.verdict.operation.includes('copy') === true ? request : null
  }
}
