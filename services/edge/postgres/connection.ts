import type { Socket } from 'node:net'

import { v7 } from 'uuid'

import type { Actor, EventContext, SessionPart } from '../../../schemas/event.ts'
import { overdueSentence } from '../guard/approvals/overrides.ts'
import type { Admission } from '../guard/credentials.ts'
import { greetClient } from './sign-in/client-handshake.ts'
import { signIn } from './sign-in/client-sign-in.ts'
import type { Asked, Startup } from './sign-in/client-sign-in.ts'
import type { EdgeParts } from './edge-parts.ts'
import { SessionLog } from './events.ts'
import { encodeBackend, encodeError } from './protocol/backend.ts'
import { ProtocolError } from './protocol/error.ts'
import { lockoutMessages, sqlState } from './refusals.ts'
import type { Session } from './session.ts'
import { runSession } from './session-start.ts'
import { readStartupParameters } from './sign-in/startup-parameters.ts'
import { openTarget } from './target/target-connection.ts'
import { TargetError } from './target/target-error.ts'
import { eventTarget } from './target/target.ts'

/** A session as the edge that holds it sees it. */
export interface LiveSession {
  readonly sessionId: string
  readonly credentialId: string
  readonly actor: Actor
  readonly session: Session
}

/**
 * Brings one connection from its first byte to a running session, or to its end with the answer it deserves. Resolves with the
 * session, or null when there is none. Never rejects for what a client or the target does.
 */
export async function openSession(
  parts: EdgeParts,
  raw: Socket,
  signal: AbortSignal,
  onEnded: () => void,
): Promise<LiveSession | null> {
  const connection = new Connection(parts, raw, signal)
  try {
    return await connection.open(onEnded)
  } catch (error) {
    connection.fail(error)
    return null
  }
}

class Connection {
  readonly #parts: EdgeParts
  readonly #signal: AbortSignal
  readonly #sessionId = v7()
  readonly #log: SessionLog
  #socket: Socket

  constructor(parts: EdgeParts, raw: Socket, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#socket = raw
    this.#log = new SessionLog(
      {
        recorder: parts.recorder,
        clock: parts.clock,
        limits: parts.limits,
        sessionId: this.#sessionId,
        recordResultsBytes: parts.target.recordResultsBytes,
      },
      this.#contextBefore(raw),
    )
  }

  async open(onEnded: () => void): Promise<LiveSession | null> {
    const hello = await greetClient(this.#socket, this.#parts.tls, (socket) => {
      socket.on('error', ignore)
      this.#socket = socket
    })
    switch (hello.type) {
      case 'closed':
        this.#socket.destroy()
        return null
      case 'cancel':
        await this.#parts.cancelKeys.cancel(hello)
        // The client waits for the end of the connection: then its request has been passed on.
        this.#socket.end()
        return null
      case 'startup':
        return this.#startup(hello, onEnded)
    }
  }

  fail(error: unknown): void {
    const { logger } = this.#parts
    if (error instanceof ProtocolError) {
      logger.warn({ code: error.code }, 'connection ended by a protocol error')
      this.#turnedAway(`protocol_error: ${error.code}`)
      // Where encryption was about to begin, an answer in the clear would be no answer.
      if (error.code === 'MESSAGE_UNEXPECTED') this.#socket.destroy()
      else this.#refuse('08P01', error.message)
    } else if (this.#signal.aborted || this.#socket.destroyed) {
      this.#socket.destroy()
    } else {
      logger.error({ err: error }, 'connection ended by a fault of the edge')
      this.#refuse('XX000', 'internal error of the edge')
    }
  }

  async #startup(hello: Startup, onEnded: () => void): Promise<LiveSession | null> {
    const { tls } = this.#parts
    if (hello.major !== 3) {
      this.#turnedAway('version_unsupported')
      return this.#refuse('0A000', 'unsupported frontend protocol')
    }
    if (tls !== null && hello.tls === null) {
      this.#turnedAway('tls_missing')
      return this.#refuse('08P01', 'TLS is required before a password is sent: set sslmode=require')
    }
    const asked = readStartupParameters(hello.parameters)
    if (!asked.ok) {
      this.#turnedAway('startup_parameter_refused')
      return this.#refuse(asked.sqlState, asked.message)
    }
    if (hello.minor > newestMinor || asked.unknownOptions.length > 0) {
      this.#socket.write(
        encodeBackend({
          type: 'negotiate-protocol-version',
          minor: Math.min(hello.minor, newestMinor),
          options: asked.unknownOptions,
        }),
      )
    }
    const admission = await this.#authenticate(hello, asked)
    if (admission === null) return null
    if (this.#isOut(admission)) return null
    const database = admission.database ?? this.#parts.target.database
    if (asked.database !== null && asked.database !== database) {
      const { credentialId } = admission
      this.#log.accessDenied({
        method: 'none',
        credential_id: credentialId,
        reason: 'database_differs',
      })
      return this.#refuse('3D000', 'this database is not offered here')
    }
    return this.#openTarget(hello, asked, admission, database, onEnded)
  }

  /** Before anybody was asked for a password. */
  #turnedAway(reason: string): void {
    this.#log.authenticationFailed({ method: 'none', credential_id: null, reason })
  }

  async #authenticate(hello: Startup, asked: Asked): Promise<Admission | null> {
    this.#log.changeContext({ ...this.#log.context, source: this.#source(hello.tls) })
    const outcome = await signIn(this.#parts, this.#socket, hello, asked)
    if (outcome.ok) {
      const { admission, auth, credential } = outcome
      this.#log.changeContext({
        ...this.#log.context,
        actor: { ...admission.actor, client: asked.application },
        purpose: admission.purpose,
      })
      this.#log.authenticated(auth, credential)
      return admission
    }
    const { auth, actor, answer } = outcome
    this.#log.changeContext({ ...this.#log.context, actor })
    this.#log.authenticationFailed(auth)
    if (answer !== null) return this.#refuse(answer.sqlState, answer.message)
    this.#socket.destroy()
    return null
  }

  /** Whether somebody who has proven who it is may not be here all the same; then it is told so, and recorded. */
  #isOut({ credentialId, actor }: Admission): boolean {
    const out = this.#whyOut(credentialId, actor)
    if (out === null) return false
    const { code, message, reason } = out
    this.#log.accessDenied({ method: 'none', credential_id: credentialId, reason })
    this.#refuse(code, message)
    return true
  }

  #whyOut(credentialId: string, actor: Actor): Out | null {
    const { credentials, lockouts, held, clock, target } = this.#parts
    const lockout = lockouts.find({ actor, target: target.name, sessionId: this.#sessionId })
    if (lockout !== null) {
      const { subject } = lockout
      return { code: '57P01', message: lockoutMessages[subject], reason: `${subject}_locked_out` }
    }
    if (credentials.isRevoked(credentialId)) {
      const message = 'the session password was revoked'
      return { code: '57P01', message, reason: 'credential_revoked' }
    }
    const override = held?.overrides.overdueOf(actor, clock.nowMs()) ?? null
    if (override === null) return null
    const reason = `override_review_overdue: ${override.approval_id}`
    return { code: '28000', message: overdueSentence(override), reason }
  }

  async #openTarget(
    hello: Startup,
    asked: Asked,
    admission: Admission,
    database: string,
    onEnded: () => void,
  ): Promise<LiveSession | null> {
    const { target, logger, limits } = this.#parts
    const session: SessionPart = {
      protocol: `postgres ${hello.major}.${Math.min(hello.minor, newestMinor)}`,
      database,
      role: target.user,
      application: asked.application,
      outcome: null,
      requests: 0,
      bytes_in: 0,
      bytes_out: 0,
      duration_us: null,
    }
    if (!this.#log.started(session) && target.onAuditFailure === 'refuse') {
      return this.#refuse(sqlState.notRecorded, 'sessions cannot be recorded, so none is opened')
    }
    try {
      const connection = await openTarget(
        target,
        {
          user: target.user,
          password: target.password,
          database,
          applicationName: `gw/${this.#sessionId}`,
          settings: asked.settings,
        },
        AbortSignal.any([this.#signal, AbortSignal.timeout(limits.targetMs)]),
      )
      // Reaching the target took its time; from here on whoever is to go is found among the sessions.
      if (this.#isOut(admission)) {
        connection.socket.destroy()
        this.#log.ended({ ...session, outcome: 'revoked' })
        return null
      }
      const running = runSession(this.#parts, {
        sessionId: this.#sessionId,
        log: this.#log,
        client: this.#socket,
        early: hello.reader.detach(),
        minor: hello.minor,
        searchPath: asked.searchPath,
        admission,
        session,
        connection,
        onEnded,
      })
      const { credentialId, actor } = admission
      return { sessionId: this.#sessionId, credentialId, actor, session: running }
    } catch (error) {
      this.#log.ended({ ...session, outcome: 'target_lost' })
      if (!(error instanceof TargetError)) throw error
      logger.error(
        { code: error.code, err: error, target: target.name },
        'no session with the target',
      )
      return this.#refuse('08006', `the target "${target.name}" cannot be reached`)
    }
  }

  /** Answers with a fatal error and closes. Null, so that it can stand for the session that did not come about. */
  #refuse(code: string, message: string): null {
    const socket = this.#socket
    socket.resume()
    socket.end(encodeError({ severity: 'FATAL', sqlState: code, message }))
    setTimeout(() => socket.destroy(), lingerMs).unref()
    return null
  }

  #contextBefore(raw: Socket): EventContext {
    const { target, tenant, synthetic, policy } = this.#parts
    return {
      session_id: this.#sessionId,
      actor: null,
      target: eventTarget(target),
      source: { address: raw.remoteAddress ?? '', port: raw.remotePort ?? 0, tls: null },
      purpose: null,
      data_labels: target.dataLabels,
      policy_digest: policy.digest,
      tenant,
      synthetic,
    }
  }

  #source(tls: string | null): EventContext['source'] {
    const { source } = this.#log.context
    return source === null ? null : { ...source, tls }
  }
}

/** Errors of a socket show as its end, which is handled where it matters. */
export function ignore(): void {
  // Nothing to do.
}

const newestMinor = 2
const lingerMs = 2_000

/** Why somebody is not let in, for him and for the event. */
interface Out {
  readonly code: string
  readonly message: string
  readonly reason: string
}
