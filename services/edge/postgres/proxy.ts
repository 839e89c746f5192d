import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext } from 'node:tls'

import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Recorder } from '../capture/recorder.ts'
import type { HeldRequests } from '../guard/approvals/held-requests.ts'
import type { CredentialStore } from '../guard/credentials.ts'
import type { TokenPasswords } from '../guard/identity/token-passwords.ts'
import { Lockouts } from '../guard/lockouts.ts'
import { WaitingRoom } from './holds/approval-wait.ts'
import { CancelKeys } from './cancel-keys.ts'
import type { ServerTls } from './sign-in/client-handshake.ts'
import { ignore, openSession } from './connection.ts'
import type { LiveSession } from './connection.ts'
import type { EdgeParts } from './edge-parts.ts'
import { defaultLimits } from './limits.ts'
import type { PostgresLimits } from './limits.ts'
import { encodeError } from './protocol/backend.ts'
import { lockoutMessages } from './refusals.ts'
import type { StatementPolicy } from './statements/statement-policy.ts'
import type { PostgresTarget } from './target/target.ts'
import { tlsServerEndPoint } from './tls-end-point.ts'

export interface PostgresEdgeOptions {
  readonly target: PostgresTarget
  readonly listen: { readonly host: string; readonly port: number }
  /** PEM. Null offers no TLS at all: only for a listener on the loopback address. */
  readonly tls: { readonly certificate: string; readonly key: string } | null
  readonly guard: {
    readonly credentials: CredentialStore
    /** Takes tokens as passwords, inside TLS; without it, nothing does. */
    readonly tokens?: TokenPasswords | null
    /** Whom an operator keeps out; without it, nobody. */
    readonly lockouts?: Lockouts
    readonly policy: StatementPolicy
    /** What was asked approval for; without it, what policy holds does not run. */
    readonly held?: HeldRequests
  }
  readonly recorder: Recorder
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: Partial<PostgresLimits>
  readonly tenant: string
  readonly synthetic?: boolean
  /** Stops the edge as disposing does. */
  readonly signal?: AbortSignal
}

export interface PostgresEdge extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  /** Sessions that run now. */
  readonly sessions: number
}

/** Listens, and resolves when it does. Disposing ends every session with 57P01 and waits for the listener to close. */
export async function startPostgresEdge(options: PostgresEdgeOptions): Promise<PostgresEdge> {
  const edge = new Edge(options)
  await edge.listen()
  return edge
}

class Edge implements PostgresEdge {
  readonly #options: PostgresEdgeOptions
  readonly #parts: EdgeParts
  readonly #server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: false })
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<LiveSession>()
  readonly #stopping = new AbortController()
  readonly #stopWatching: readonly (() => void)[]

  constructor(options: PostgresEdgeOptions) {
    this.#options = options
    const { tls, guard, listen } = options
    const limits = { ...defaultLimits, ...options.limits }
    if (tls === null && !isLoopback(listen.host)) {
      throw new RangeError('a listener without TLS must be on the loopback address')
    }
    this.#parts = {
      target: options.target,
      tls: tls === null ? null : serverTls(tls),
      credentials: guard.credentials,
      tokens: guard.tokens ?? null,
      lockouts: guard.lockouts ?? new Lockouts(),
      policy: guard.policy,
      held: guard.held ?? null,
      waiting: new WaitingRoom(limits.maxWaiting),
      recorder: options.recorder,
      clock: options.clock,
      logger: options.logger,
      limits,
      tenant: options.tenant,
      synthetic: options.synthetic ?? false,
      cancelKeys: new CancelKeys(randomBytes),
      mockSecret: randomBytes(32),
    }
    const { credentials, lockouts } = this.#parts
    this.#stopWatching = [
      credentials.onRevoked(this.#onRevoked),
      lockouts.onChange(this.#onLockout),
    ]
    this.#server.on('connection', this.#onConnection)
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options.listen
    this.#server.listen({ host, port })
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
      throw new Error(
        `port ${port} of ${host} is in use; set the port of the target ${this.#options.target.name} to another one`,
        { cause },
      )
    }
  }

  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  get sessions(): number {
    return this.#sessions.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    for (const stop of this.#stopWatching) stop()
    const closed = this.#server.listening ? once(this.#server, 'close') : null
    this.#server.close()
    for (const { session } of this.#sessions) {
      session.end('edge_stopped', { sqlState: '57P01', message: 'the edge is stopping' })
    }
    for (const socket of this.#sockets) socket.destroySoon()
    await closed
  }

  readonly #onAbort = (): void => {
    this[Symbol.asyncDispose]().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'the edge did not stop cleanly')
    })
  }

  readonly #onConnection = (socket: Socket): void => {
    socket.on('error', ignore)
    const { limits, logger } = this.#parts
    const isFull = this.#sockets.size >= limits.maxSessions
    this.#sockets.add(socket)
    const handshake = setTimeout(() => socket.destroy(), isFull ? turnedAwayMs : limits.handshakeMs)
    const ended = (): void => {
      clearTimeout(handshake)
      this.#sockets.delete(socket)
    }
    socket.on('close', ended)
    if (isFull) {
      socket.resume()
      socket.end(
        encodeError({ severity: 'FATAL', sqlState: '53300', message: 'too many connections' }),
      )
      return
    }
    let live: LiveSession | null = null
    let isOver = false
    const onEnded = (): void => {
      isOver = true
      if (live !== null) this.#sessions.delete(live)
    }
    openSession(this.#parts, socket, this.#stopping.signal, onEnded).then(
      (opened) => {
        clearTimeout(handshake)
        if (opened === null || isOver) return
        live = opened
        this.#sessions.add(opened)
        if (this.#stopping.signal.aborted) opened.session.end('edge_stopped')
      },
      (error: unknown) => {
        logger.error({ err: error }, 'connection failed')
        socket.destroy()
      },
    )
  }

  readonly #onRevoked = (credentialId: string): void => {
    for (const { credentialId: id, session } of this.#sessions) {
      if (id !== credentialId) continue
      session.end('revoked', { sqlState: '57P01', message: 'the session password was revoked' })
    }
  }

  readonly #onLockout = (): void => {
    const { lockouts, target } = this.#parts
    for (const { sessionId, actor, session } of this.#sessions) {
      const lockout = lockouts.find({ sessionId, actor, target: target.name })
      if (lockout === null) continue
      session.end('revoked', { sqlState: '57P01', message: lockoutMessages[lockout.subject] })
    }
  }
}

/** How long a client that found no room may take to read that. */
const turnedAwayMs = 1_000

function serverTls(tls: { readonly certificate: string; readonly key: string }): ServerTls {
  return {
    context: createSecureContext({
      cert: tls.certificate,
      key: tls.key,
      minVersion: 'TLSv1.2',
    }),
    endPoint: tlsServerEndPoint(new X509Certificate(tls.certificate)),
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
