import type { Socket } from 'node:net'

import type { Credential } from '../../guard/credentials.ts'
import type { PacketReader } from '../packet-reader.ts'
import { encodeBackend } from '../protocol/backend.ts'
import type { Authentication } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'
import { decodeSaslInitial } from '../protocol/sasl.ts'
import { mockVerifier, ScramServer } from '../protocol/scram.ts'
import type { ScramMechanism } from '../protocol/scram.ts'

export interface ClientAuthentication {
  readonly socket: Socket
  readonly reader: PacketReader
  readonly user: string
  /** Null for a name nobody was issued: the exchange runs all the same and fails at its end. */
  readonly credential: Credential | null
  readonly target: string
  readonly nowMs: number
  /** tls-server-end-point of our certificate; null without TLS. */
  readonly endPoint: Buffer | null
  readonly mockSecret: Buffer
  readonly randomBytes: (size: number) => Buffer
}

export type AuthenticationOutcome =
  | { readonly ok: true; readonly method: ScramMechanism; readonly credential: Credential }
  | {
      readonly ok: false
      readonly method: ScramMechanism
      readonly reason:
        | 'user_unknown'
        | 'password_wrong'
        | 'credential_expired'
        | 'credential_revoked'
        | 'target_differs'
        | 'exchange_malformed'
        | 'client_left'
    }

/**
 * Proves that the client knows the session password, by SCRAM-SHA-256. The exchange of an unknown user looks like that of a wrong
 * password; how long it was waited for the credential before tells them apart, but a name has a random part that nobody guesses. What
 * else is wrong with a credential is only looked at once the password was right.
 */
export async function authenticateClient(
  options: ClientAuthentication,
): Promise<AuthenticationOutcome> {
  const { socket, reader, credential, endPoint } = options
  const send = (authentication: Authentication): void => {
    socket.write(encodeBackend({ type: 'authentication', authentication }))
  }
  const mechanisms: ScramMechanism[] =
    endPoint === null ? ['SCRAM-SHA-256'] : ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']
  let method: ScramMechanism = 'SCRAM-SHA-256'
  try {
    send({ method: 'sasl', mechanisms })
    const initialBody = await readResponse(reader)
    if (initialBody === null) return { ok: false, method, reason: 'client_left' }
    const initial = decodeSaslInitial(initialBody)
    const chosen = mechanisms.find((mechanism) => mechanism === initial.mechanism)
    if (chosen === undefined) return { ok: false, method, reason: 'exchange_malformed' }
    method = chosen
    const server = new ScramServer({
      mechanism: method,
      verifier: credential?.verifier ?? mockVerifier(options.mockSecret, options.user),
      channelBinding: endPoint,
      randomBytes: options.randomBytes,
    })
    const first = server.first(initial.data.toString('utf8'))
    send({ method: 'sasl-continue', data: Buffer.from(first) })
    const finalBody = await readResponse(reader)
    if (finalBody === null) return { ok: false, method, reason: 'client_left' }
    const final = server.final(finalBody.toString('utf8'))
    if (credential === null) return { ok: false, method, reason: 'user_unknown' }
    if (final === null) return { ok: false, method, reason: 'password_wrong' }
    const reason = whyNotUsable(credential, options)
    if (reason !== null) return { ok: false, method, reason }
    send({ method: 'sasl-final', data: Buffer.from(final) })
    return { ok: true, method, credential }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { ok: false, method, reason: 'exchange_malformed' }
  }
}

function whyNotUsable(
  credential: Credential,
  { target, nowMs }: ClientAuthentication,
): 'credential_expired' | 'credential_revoked' | 'target_differs' | null {
  if (credential.isRevoked) return 'credential_revoked'
  if (credential.expiresAtMs <= nowMs) return 'credential_expired'
  return credential.target === target ? null : 'target_differs'
}

async function readResponse(reader: PacketReader): Promise<Buffer | null> {
  const packet = await reader.message()
  if (packet === null) return null
  if (packet.type !== frontend.password) {
    throw new ProtocolError('MESSAGE_UNEXPECTED', 'expected a SASL response')
  }
  return packet.bytes.subarray(headerBytes)
}
