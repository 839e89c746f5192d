import type { Socket } from 'node:net'

import type { SessionOutcome } from '../../../schemas/event.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Recorder } from '../capture/recorder.ts'
import type { Admission } from '../guard/credentials.ts'
import { backendFrameLimits, BackendRelay } from './relay/backend-relay.ts'
import { frontendFrameLimits } from './relay/frontend-frame-limits.ts'
import { Expiry } from './expiry.ts'
import { FrontendRelay } from './relay/frontend-relay.ts'
import { encodeError } from './protocol/backend.ts'
import type { Report } from './protocol/backend.ts'
import { ProtocolError } from './protocol/error.ts'
import { Framer } from './protocol/frame.ts'
import { encodeFrontend } from './protocol/frontend.ts'
import { frontend } from './protocol/message-types.ts'
import { sqlState } from './refusals.ts'
import { AuditUnavailable } from './request-gate.ts'
import type { SessionState } from './session-state.ts'
import type { StatementPolicy } from './statements/statement-policy.ts'

export interface SessionOptions {
  readonly client: Socket
  readonly target: Socket
  readonly state: SessionState
  readonly policy: StatementPolicy
  readonly recorder: Recorder
  readonly durability: 'strict' | 'batched'
  readonly clock: Clock
  readonly logger: Logger
  readonly expiresAtMs: number
  /** What ends then. */
  readonly means: Admission['means']
  /** Cancels at the target what this session runs there. */
  readonly cancel: () => void
  readonly onEnded: () => void
}

/** Why the client is not read from at the moment, or will not be when it sends more. */
const held = {
  /** The target's socket is full. */
  byTarget: 1,
  /** What was recorded is not on disk yet. */
  byRecorder: 2,
  /** The frontend relay waits for a reply before it takes the next message. */
  byRelay: 4,
} as const

/**
 * One client connection over one target connection, from the first statement to the end. Reads one side only as fast as the
 * other takes it, so what it holds is bounded by two socket buffers and one message each way.
 */
export class Session {
  readonly #options: SessionOptions
  readonly #frontend: FrontendRelay
  readonly #backend: BackendRelay
  readonly #fromClient: Framer
  readonly #fromTarget: Framer
  readonly #startedUs: number
  #policyDigest: Buffer
  #held = 0
  #isClientPaused = false
  #isSendPlanned = false
  /** Of the events of this session, those that outlive this process. */
  #writtenOut = 0
  /** Waits for the disk that have not ended. */
  #diskWaits = 0
  #bytesIn = 0
  #bytesOut = 0
  readonly #expiry: Expiry
  /** Set once the client has left. */
  #leaving: NodeJS.Timeout | null = null
  #outcome: SessionOutcome | null = null

  constructor(options: SessionOptions) {
    const { state, clock, expiresAtMs, means } = options
    this.#options = options
    this.#frontend = new FrontendRelay(state)
    this.#backend = new BackendRelay(state)
    this.#fromClient = new Framer(frontendFrameLimits(state.limits))
    this.#fromTarget = new Framer(backendFrameLimits(state.limits))
    this.#startedUs = clock.nowUs()
    this.#policyDigest = options.policy.digest
    this.#expiry = new Expiry(clock, expiresAtMs, () =>
      this.end('expired', { sqlState: '57P01', message: `the ${means} has expired` }),
    )
    state.onWaitOver = () => this.#resumeRelay()
  }

  /** `early`: what the client sent before the session began. */
  start(early: Buffer, rest: Buffer): void {
    const { client, target } = this.#options
    if (client.destroyed || client.readableEnded) {
      this.end('closed')
      return
    }
    client.on('data', this.#onClientData)
    client.on('drain', () => target.resume())
    client.on('end', this.#onClientGone)
    client.on('close', this.#onClientGone)
    target.on('data', this.#onTargetData)
    target.on('drain', () => this.#release(held.byTarget))
    target.on('end', this.#onTargetLost)
    target.on('close', this.#onTargetLost)
    this.#expiry.look()
    if (rest.length > 0) this.#onTargetData(rest)
    if (early.length > 0) this.#onClientData(early)
    target.resume()
    if (!this.#isClientPaused) client.resume()
  }

  /** Ends the session once; later calls change nothing. `report` is the client's last message. */
  end(outcome: SessionOutcome, report?: Omit<Report, 'severity'>): void {
    if (this.#outcome !== null) return
    this.#outcome = outcome
    const { client, target, state, recorder, clock, onEnded } = this.#options
    this.#expiry.stop()
    if (this.#leaving !== null) clearTimeout(this.#leaving)
    this.#endWait(outcome, report?.sqlState ?? '57P01', report?.message ?? 'the session ended')
    // A target notices that nobody listens only when it has something to say.
    if (state.expected.length > 0 && !state.isWithheld && outcome !== 'target_lost')
      this.#options.cancel()
    for (let entry = state.expected.shift(); entry !== null; entry = state.expected.shift()) {
      // Whether the target ran it nobody here can say.
      if (entry.request !== null) state.log.completed(entry.request, 'unknown')
    }
    state.log.ended({
      ...state.session,
      outcome,
      requests: state.log.requests,
      bytes_in: this.#bytesIn,
      bytes_out: this.#bytesOut,
      duration_us: Math.max(0, clock.nowUs() - this.#startedUs),
    })
    recorder.writeOut()
    state.cache.sessionEnded()
    if (!client.destroyed) this.#backend.toClient.writeTo(client)
    // A statement that is not sent is completed as unknown, like one that was.
    const isReady = (this.#held & held.byRecorder) === 0 && !state.isWithheld
    const isToBeSent = outcome === 'closed' && isReady
    if (isToBeSent && !target.destroyed) this.#frontend.toTarget.writeTo(target)
    close(client, report === undefined ? null : encodeError({ severity: 'FATAL', ...report }))
    close(target, encodeFrontend({ type: 'terminate' }))
    onEnded()
  }

  /** The client no longer wants what waits for its approval. False when nothing waits. */
  cancelWait(): boolean {
    const { wait } = this.#options.state
    if (wait?.end !== null) return false
    wait.finish('cancelled')
    return true
  }

  readonly #onClientData = (chunk: Buffer): void => {
    if (this.#outcome !== null) return
    this.#bytesIn += chunk.length
    if ((this.#held & held.byRecorder) !== 0) this.#pauseClient()
    try {
      this.#followPolicy()
      if (!this.#fromClient.push(chunk, this.#frontend)) this.#hold(held.byRelay)
      this.#forward()
      this.#watchWait()
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onTargetData = (chunk: Buffer): void => {
    if (this.#outcome !== null) return
    this.#bytesOut += chunk.length
    try {
      this.#fromTarget.push(chunk, this.#backend)
      this.#backend.finishChunk()
      this.#planSend()
      if (this.#backend.drift !== null) this.#endForDrift(this.#backend.drift)
      else if ((this.#held & held.byRelay) !== 0) this.#resumeRelay()
      if (this.#leaving !== null && !this.#hasWork) this.end('closed')
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Sends on what the frontend relay let through; in strict mode only once it is on disk that it came. */
  #forward(): void {
    const frontend = this.#frontend
    frontend.finishChunk()
    if (frontend.takeRecorded() && this.#options.durability === 'strict') this.#awaitDisk()
    else this.#planSend()
  }

  /**
   * Sends what is ready both ways, at once where nothing was recorded about it. Otherwise at the end of this turn, when what was
   * recorded, of all sessions together, was handed to the system: what target and client learn outlives this process.
   */
  #planSend(): void {
    if (this.#isSendPlanned) return
    const { recorder, state } = this.#options
    if (state.log.recorded === this.#writtenOut) {
      this.#send()
      return
    }
    this.#isSendPlanned = true
    recorder.afterWriteOut(this.#sendPlanned)
  }

  readonly #sendPlanned = (): void => {
    this.#isSendPlanned = false
    if (this.#outcome !== null) return
    this.#writtenOut = this.#options.state.log.recorded
    try {
      this.#send()
    } catch (error) {
      this.#fail(error)
    }
  }

  #send(): void {
    const { client, target } = this.#options
    if (!client.writable) this.#backend.toClient.clear()
    else if (!this.#backend.toClient.writeTo(client)) target.pause()
    if ((this.#held & held.byRecorder) !== 0 || this.#options.state.isWithheld) return
    if (!this.#frontend.toTarget.writeTo(target)) this.#hold(held.byTarget)
    if (this.#frontend.isTerminated) this.#leave()
  }

  #awaitDisk(): void {
    const { recorder, state } = this.#options
    const { recorded } = state.log
    this.#hold(held.byRecorder)
    this.#diskWaits += 1
    recorder.durable().then(() => this.#onDurable(recorded), this.#onNotDurable)
  }

  #onDurable(recorded: number): void {
    this.#diskWaits -= 1
    if (this.#outcome !== null) return
    this.#writtenOut = Math.max(this.#writtenOut, recorded)
    // What came meanwhile waits for a sync of its own.
    if (this.#diskWaits > 0) return
    try {
      this.#release(held.byRecorder)
      this.#planSend()
      if ((this.#held & held.byRelay) !== 0) this.#resumeRelay()
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onNotDurable = (): void => {
    if (this.#options.state.onAuditFailure === 'allow') this.#onDurable(this.#writtenOut)
    else if (this.#outcome === null) this.#fail(new AuditUnavailable())
  }

  #resumeRelay(): void {
    if (this.#outcome !== null || (this.#held & held.byRecorder) !== 0) return
    try {
      // Whoever is to go goes before another thing runs.
      if (this.#expiry.look()) return
      this.#followPolicy()
      if (this.#fromClient.resume(this.#frontend)) this.#release(held.byRelay)
      else this.#hold(held.byRelay)
      this.#forward()
      this.#watchWait()
    } catch (error) {
      this.#fail(error)
    }
  }

  /**
   * While a request waits for an approval, the client is read on: only so is it noticed when it leaves. What it sends is kept unread,
   * up to a bound.
   */
  #watchWait(): void {
    const { state } = this.#options
    const { wait } = state
    if (wait?.end !== null) return
    const notice = wait.takeNotice()
    if (notice !== null) {
      this.#backend.toClient.push(notice)
      this.#planSend()
      this.#release(0)
    }
    if (this.#fromClient.hasUnread(frontend.terminate)) this.end('closed')
    else if (this.#fromClient.unreadBytes > state.limits.maxWaitingBytes) wait.finish('overrun')
  }

  #endWait(outcome: SessionOutcome, code: string, message: string): void {
    const { state } = this.#options
    const { wait } = state
    if (wait === null) {
      this.#frontend.recordWithheld()
      return
    }
    wait.abandon()
    state.wait = null
    if (wait.request === null) return
    if (outcome === 'closed') {
      wait.request.fail(sqlState.cancelled, 'the client left while it waited for its approval')
    } else wait.request.fail(code, message)
    state.log.completed(wait.request, outcome === 'closed' ? 'cancelled' : 'refused')
  }

  #hold(reason: number): void {
    this.#held |= reason
    // Most clients wait for the answer anyway: one that waits for the disk is paused when it sends more.
    if (reason !== held.byRecorder && this.#options.state.wait === null) this.#pauseClient()
  }

  #pauseClient(): void {
    if (this.#isClientPaused) return
    this.#isClientPaused = true
    this.#options.client.pause()
  }

  #release(reason: number): void {
    this.#held &= ~reason
    const ignored = this.#options.state.wait === null ? 0 : held.byRelay
    if ((this.#held & ~ignored) !== 0 || !this.#isClientPaused || this.#outcome !== null) return
    this.#isClientPaused = false
    this.#options.client.resume()
  }

  /** Another policy is in force: events say so from here on, and the cache asks anew. */
  #followPolicy(): void {
    const { policy, state } = this.#options
    if (policy.digest === this.#policyDigest) return
    this.#policyDigest = policy.digest
    const { context } = state.log
    if (context.policy_digest?.equals(policy.digest) === true) return
    state.log.changeContext({ ...context, policy_digest: policy.digest })
  }

  /** A client that leaves in the middle of a message has not kept to the protocol. */
  readonly #onClientGone = (): void => {
    const { isAtBoundary, unreadBytes } = this.#fromClient
    const { client, target } = this.#options
    // What it does not read any more holds up nothing.
    if (!client.writable && this.#outcome === null) target.resume()
    if (isAtBoundary || unreadBytes > 0) this.#leave()
    else this.end('protocol_error')
  }

  get #hasWork(): boolean {
    return this.#options.state.expected.length > 0 || this.#fromClient.unreadBytes > 0
  }

  /** The client has left: what it sent before runs as it would without an edge, and its outcome is waited for, for a while. */
  #leave(): void {
    if (this.#outcome !== null || this.#leaving !== null) return
    const { copyIn, isWithheld, wait } = this.#options.state
    if (!this.#hasWork || copyIn !== null || isWithheld || wait !== null) return this.end('closed')
    this.#leaving = setTimeout(() => this.end('closed'), lingerMs)
    this.#leaving.unref()
  }

  readonly #onTargetLost = (): void => {
    this.end('target_lost', { sqlState: '08006', message: 'the target closed the connection' })
  }

  #endForDrift(setting: string): void {
    this.end('protocol_error', {
      sqlState: sqlState.blocked,
      message: `session ended: ${setting} was changed, and statements are only read under its usual value`,
    })
  }

  #fail(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.#options.logger.warn({ code: error.code }, 'session ended by a protocol error')
      this.end('protocol_error', { sqlState: '08P01', message: error.message })
    } else if (error instanceof AuditUnavailable) {
      this.#options.logger.error('session ended: its requests cannot be recorded')
      this.end('edge_stopped', {
        sqlState: sqlState.notRecorded,
        message: 'requests cannot be recorded, so they are not run',
      })
    } else {
      this.#options.logger.error({ err: error }, 'session ended by a fault of the edge')
      this.end('edge_stopped', { sqlState: 'XX000', message: 'internal error of the edge' })
    }
  }
}

/** How long whoever is gone is waited for. */
const lingerMs = 2_000

/** Says the last word and closes. A peer that does not take it is cut off. */
function close(socket: Socket, last: Buffer | null): void {
  if (socket.destroyed) return
  socket.removeAllListeners('data')
  socket.resume()
  if (last === null) socket.end()
  else socket.end(last)
  setTimeout(() => socket.destroy(), lingerMs).unref()
}
