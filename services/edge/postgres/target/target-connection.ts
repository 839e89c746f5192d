import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'

import { PacketReader } from '../packet-reader.ts'
import { pinnedSettings } from './pinned-settings.ts'
import { decodeBackend } from '../protocol/backend.ts'
import { backend } from '../protocol/message-types.ts'
import { encodeFrontend } from '../protocol/frontend.ts'
import { encodeSaslInitial } from '../protocol/sasl.ts'
import { ScramClient } from '../protocol/scram.ts'
import type { ScramPassword } from '../protocol/scram.ts'
import { encodeStartup } from '../protocol/startup.ts'
import { TargetError } from './target-error.ts'
import { tlsServerEndPoint } from '../tls-end-point.ts'

/** A protected PostgreSQL server and the credential that is held for it. */
export interface TargetAddress {
  readonly address: string
  readonly port: number
  readonly tls: TargetTls
}

type TargetTls =
  | { readonly mode: 'disable' }
  /** `ca`: PEM; null for the CAs this machine trusts. verify-ca does not check the name in the certificate. */
  | { readonly mode: 'verify-ca' | 'verify-full'; readonly ca: string | null }

export interface TargetLogin {
  readonly user: string
  readonly password: ScramPassword
  readonly database: string
  readonly applicationName: string
  readonly settings: ReadonlyMap<string, string>
}

export interface TargetConnection {
  readonly socket: Socket
  /** The ParameterStatus messages as they came. */
  readonly statuses: Buffer
  readonly processId: number
  readonly key: Buffer
  /** What came after ReadyForQuery. */
  readonly rest: Buffer
}

/** Connects and signs in. Throws `TargetError`; nothing of the target's answers goes to the client. */
export async function openTarget(
  target: TargetAddress,
  login: TargetLogin,
  signal: AbortSignal,
): Promise<TargetConnection> {
  const raw = connectRaw(target)
  const stop = (): void => {
    raw.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await signIn(await secureIfAsked(raw, target, signal), login)
  } catch (cause) {
    raw.destroy()
    if (cause instanceof TargetError) throw cause
    throw new TargetError('TARGET_PROTOCOL', 'the target did not follow the protocol', { cause })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Asks the target to cancel what runs under this key. Resolves when the target has taken note, which it says by closing. */
export async function cancelAtTarget(
  target: TargetAddress,
  processId: number,
  key: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const raw = connectRaw(target)
  const stop = (): void => {
    raw.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    const socket = await secureIfAsked(raw, target, signal)
    socket.resume()
    socket.end(encodeStartup({ type: 'cancel-request', processId, key }))
    // However it closes, reset included, the request has arrived.
    if (!socket.destroyed) await once(socket, 'close', { signal }).catch(() => undefined)
  } finally {
    raw.destroy()
    signal.removeEventListener('abort', stop)
  }
}

function connectRaw(target: TargetAddress): Socket {
  const raw = connect({ host: target.address, port: target.port, noDelay: true, keepAlive: true })
  // Errors show as the end of the connection, to whoever reads from it then.
  return raw.on('error', () => undefined)
}

async function secureIfAsked(
  raw: Socket,
  target: TargetAddress,
  signal: AbortSignal,
): Promise<Socket> {
  try {
    await once(raw, 'connect', { signal })
  } catch (cause) {
    throw new TargetError('TARGET_UNREACHABLE', 'the target cannot be reached', { cause })
  }
  return target.tls.mode === 'disable' ? raw : secure(raw, target, target.tls, signal)
}

async function secure(
  raw: Socket,
  target: TargetAddress,
  tls: Exclude<TargetTls, { mode: 'disable' }>,
  signal: AbortSignal,
): Promise<Socket> {
  const reader = new PacketReader(raw, maxHandshakeBytes)
  raw.write(encodeStartup({ type: 'ssl-request' }))
  const answer = await reader.byte()
  const early = reader.detach()
  if (answer === null) {
    throw new TargetError('TARGET_UNREACHABLE', 'the target closed the connection or said nothing')
  }
  if (answer !== 0x53) {
    throw new TargetError(
      'TARGET_TLS',
      'the target does not speak TLS, and its configuration asks for it',
    )
  }
  // Bytes in the clear behind the answer would pass for bytes of the target inside TLS (CVE-2021-23222).
  if (early.length > 0)
    throw new TargetError('TARGET_TLS', 'the target sent bytes before TLS began')
  const socket = connectTls({
    socket: raw,
    host: target.address,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['postgresql'],
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  })
  socket.on('error', () => undefined)
  try {
    await once(socket, 'secureConnect', { signal })
  } catch (cause) {
    socket.destroy()
    throw new TargetError('TARGET_TLS', 'TLS with the target failed', { cause })
  }
  return socket
}

async function signIn(socket: Socket, login: TargetLogin): Promise<TargetConnection> {
  const reader = new PacketReader(socket, maxHandshakeBytes)
  const parameters = new Map([
    ['user', login.user],
    ['database', login.database],
    ['application_name', login.applicationName],
    ...pinnedSettings,
    ...login.settings,
  ])
  socket.write(encodeStartup({ type: 'startup', major: 3, minor: 0, parameters }))
  await authenticate(socket, reader, login.password)
  const statuses: Buffer[] = []
  let processId = 0
  let key: Buffer = Buffer.alloc(0)
  for (;;) {
    const packet = await reader.message()
    if (packet === null) throw new TargetError('TARGET_REFUSED', 'the target closed the connection')
    const message = decodeBackend(packet.type, packet.bytes, 0, packet.bytes.length)
    if (message?.type === 'parameter-status') {
      statuses.push(packet.bytes)
    } else if (message?.type === 'backend-key-data') {
      processId = message.processId
      key = message.key
    } else if (message?.type === 'ready-for-query') {
      return { socket, statuses: Buffer.concat(statuses), processId, key, rest: reader.detach() }
    } else if (message?.type === 'error') {
      throw refused(message.fields.get('C'), message.fields.get('M'))
    } else if (message?.type !== 'notice') {
      throw new TargetError('TARGET_PROTOCOL', 'unexpected message of the target at startup')
    }
  }
}

async function authenticate(
  socket: Socket,
  reader: PacketReader,
  password: ScramPassword,
): Promise<void> {
  let scram: ScramClient | null = null
  let isProven = false
  for (;;) {
    const packet = await reader.message()
    if (packet === null) throw new TargetError('TARGET_REFUSED', 'the target closed the connection')
    if (packet.type === backend.noticeResponse) continue
    const message = decodeBackend(packet.type, packet.bytes, 0, packet.bytes.length)
    if (message?.type === 'error') throw refused(message.fields.get('C'), message.fields.get('M'))
    if (message?.type !== 'authentication') {
      throw new TargetError('TARGET_PROTOCOL', 'unexpected message of the target at sign-in')
    }
    const { authentication } = message
    switch (authentication.method) {
      case 'ok':
        // Whoever began SCRAM and lets us in without the end of it does not know the password.
        if (scram !== null && !isProven) {
          throw new TargetError(
            'TARGET_AUTHENTICATION',
            'the target did not prove that it knows the password',
          )
        }
        return
      case 'sasl': {
        const endPoint = endPointOf(socket)
        const isPlus = endPoint !== null && authentication.mechanisms.includes('SCRAM-SHA-256-PLUS')
        const mechanism = isPlus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256'
        if (!authentication.mechanisms.includes(mechanism)) {
          throw new TargetError('TARGET_AUTHENTICATION', 'the target does not offer SCRAM-SHA-256')
        }
        scram = new ScramClient({
          password,
          mechanism,
          channelBinding: isPlus ? endPoint : null,
          randomBytes,
        })
        socket.write(encodeSaslInitial({ mechanism, data: Buffer.from(scram.first()) }))
        break
      }
      case 'sasl-continue': {
        const final = await scram?.final(authentication.data.toString('utf8'))
        socket.write(encodeFrontend({ type: 'password', body: Buffer.from(final ?? '') }))
        break
      }
      case 'sasl-final':
        scram?.verify(authentication.data.toString('utf8'))
        isProven = true
        break
      case 'cleartext':
      case 'md5':
      case 'unsupported':
        throw new TargetError(
          'TARGET_AUTHENTICATION',
          'the target asks for another way to sign in than SCRAM-SHA-256',
        )
    }
  }
}

function endPointOf(socket: Socket): Buffer | null {
  if (!(socket instanceof TLSSocket)) return null
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? null : tlsServerEndPoint(certificate)
}

function refused(sqlState: string | undefined, message: string | undefined): TargetError {
  return new TargetError(
    'TARGET_REFUSED',
    `the target refused the connection: ${sqlState} ${message}`,
  )
}

const maxHandshakeBytes = 64 * 1024
