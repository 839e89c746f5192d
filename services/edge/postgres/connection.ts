import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'

import { v7 } from 'uuid'

import type { Actor, EventContext, SessionPart } from '../../../schemas/event.ts'
import type { Credential } from '../guard/credentials.ts'
import { authenticateClient } from './client-authentication.ts'
import { greetClient } from './client-handshake.ts'
import type { ClientHello } from './client-handshake.ts'
import type { EdgeParts } from './edge-parts.ts'
import { SessionLog } from './events.ts'
import { encodeBackend, encodeError } from './protocol/backend.ts'
import { ProtocolError } from './protocol/error.ts'
import { lockoutMessages, sqlState } from './refusals.ts'
import type { Session } from './session.ts'
import { runSession } from './session-start.ts'
import { readStartupParameters } from './startup-parameters.ts'
import type { StartupOutcome } from './startup-parameters.ts'
import { openTarget } from './target-connection.ts'
import { TargetError } from './target-error.ts'

/** A session as the edge that holds it sees it. */
export interface LiveSession {
  readonly sessionId: string
  readonly credentialId: string
  readonly actor: Actor
  readonly session: Session
}

type Startup = Extract<ClientHello, { type: 'startup' }>
type Asked = Extract<StartupOutcome, { ok: true }>

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
    const credential = await this.#authenticate(hello, asked)
    if (credential === null) return null
    if (this.#isOut(credential)) return null
    const database = credential.database ?? this.#parts.target.database
    if (asked.database !== null && asked.database !== database) {
      const { credentialId } = credential
      this.#log.accessDenied({
        method: 'none',
        credential_id: credentialId,
        reason: 'database_differs',
      })
      return this.#refuse('3D000', 'this database is not offered here')
    }
    return this.#openTarget(hello, asked, credential, database, onEnded)
  }

  /** Before anybody was asked for a password. */
  #turnedAway(reason: string): void {
    this.#log.authenticationFailed({ method: 'none', credential_id: null, reason })
  }

  async #authenticate(hello: Startup, asked: Asked): Promise<Credential | null> {
    const { credentials, target, clock, tls, mockSecret } = this.#parts
    this.#log.changeContext({ ...this.#log.context, source: this.#source(hello.tls) })
    const credential = await credentials.lookup(asked.user)
    const outcome = await authenticateClient({
      socket: this.#socket,
      reader: hello.reader,
      user: asked.user,
      credential,
      target: target.name,
      nowMs: clock.nowMs(),
      endPoint: hello.tls === null ? null : (tls?.endPoint ?? null),
      mockSecret,
      randomBytes,
    })
    const credentialId = credential?.credentialId ?? null
    const auth = { method: outcome.method, credential_id: credentialId }
    if (outcome.ok) {
      this.#log.changeContext({
        ...this.#log.context,
        actor: { ...outcome.credential.actor, client: asked.application },
        purpose: outcome.credential.purpose,
      })
      this.#log.authenticated({ ...auth, reason: null })
      return outcome.credential
    }
    // Nobody in particular: a name that was claimed and not proven.
    this.#log.changeContext({ ...this.#log.context, actor: claimedActor(asked) })
    this.#log.authenticationFailed({ ...auth, reason: outcome.reason })
    switch (outcome.reason) {
      case 'client_left':
        this.#socket.destroy()
        return null
      case 'user_unknown':
      case 'password_wrong':
        return this.#refuse(
          '28P01',
          `password authentication failed for user "${asked.user.slice(0, maxUserCharacters)}"`,
        )
      case 'exchange_malformed':
        return this.#refuse('08P01', 'invalid SCRAM exchange')
      case 'credential_expired':
      case 'credential_revoked':
      case 'target_differs':
        // Only who knew the password gets here.
        return this.#refuse('28000', 'this session password is not valid here or no longer valid')
    }
  }

  /** Whether somebody who has proven who it is may not be here all the same; then it is told so, and recorded. */
  #isOut({ credentialId, actor }: Credential): boolean {
    const { credentials, lockouts, target } = this.#parts
    const lockout = lockouts.find({ actor, target: target.name, sessionId: this.#sessionId })
    if (lockout === null && !credentials.isRevoked(credentialId)) return false
    this.#log.accessDenied({
      method: 'none',
      credential_id: credentialId,
      reason: lockout === null ? 'credential_revoked' : `${lockout.subject}_locked_out`,
    })
    this.#refuse(
      '57P01',
      lockout === null ? 'the session password was revoked' : lockoutMessages[lockout.subject],
    )
    return true
  }

  async #openTarget(
    hello: Startup,
    asked: Asked,
    credential: Credential,
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
      if (this.#isOut(credential)) {
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
        credential,
        session,
        connection,
        onEnded,
      })
      const { credentialId, actor } = credential
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
      target: {
        name: target.name,
        kind: 'postgres',
        address: `${target.address}:${target.port}`,
      },
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

function claimedActor(asked: Asked): Actor {
  return {
    kind: 'unknown',
    subject: asked.user.slice(0, maxUserCharacters),
    issuer: '',
    display: null,
    groups: [],
    on_behalf_of: [],
    client: asked.application,
    runtime: null,
  }
}

/** Errors of a socket show as its end, which is handled where it matters. */
export function ignore(): void {
  // Nothing to do.
}

// NAMEDATALEN, less one.
const maxUserCharacters = 63
const newestMinor = 2
const lingerMs = 2_000
