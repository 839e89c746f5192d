import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { SecureContext } from 'node:tls'

import { PacketReader } from '../packet-reader.ts'
import { ProtocolError } from '../protocol/error.ts'
import { decodeStartup, tlsHandshakeByte } from '../protocol/startup.ts'

export interface ServerTls {
  readonly context: SecureContext
  /** For SCRAM-SHA-256-PLUS; null where none is defined for the certificate. */
  readonly endPoint: Buffer | null
}

/** A client after TLS and before authentication. */
export type ClientHello =
  | {
      readonly type: 'startup'
      readonly socket: Socket
      readonly reader: PacketReader
      /** Protocol version and cipher; null without TLS. */
      readonly tls: string | null
      readonly major: number
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }
  | {
      readonly type: 'cancel'
      readonly socket: Socket
      readonly reader: PacketReader
      readonly processId: number
      readonly key: Buffer
    }
  /** Gone before it said anything: a port check, or libpq trying another way. */
  | { readonly type: 'closed' }

/**
 * Reads up to the startup packet, switching to TLS on the way. `onSocket` gets the socket to answer and to close from then on.
 * Throws `ProtocolError` for anything else, and then nothing has been answered that would help an attacker along.
 */
export async function greetClient(
  raw: Socket,
  tls: ServerTls | null,
  onSocket: (socket: Socket) => void,
): Promise<ClientHello> {
  let socket = raw
  let reader = new PacketReader(raw, maxHandshakeBytes)
  let isSecure = false
  for (let round = 0; round < maxRounds; round++) {
    const first = await reader.peek()
    if (first === null) return { type: 'closed' }
    if (first === tlsHandshakeByte && tls !== null && round === 0) {
      // The client starts with TLS itself; what it sent is the ClientHello.
      raw.unshift(reader.detach())
      socket = await secure(raw, tls, onSocket)
      if ((socket as TLSSocket).alpnProtocol !== 'postgresql') {
        throw new ProtocolError('MESSAGE_UNEXPECTED', 'direct TLS without ALPN')
      }
      reader = new PacketReader(socket, maxHandshakeBytes)
      isSecure = true
      continue
    }
    const bytes = await reader.startupPacket()
    if (bytes === null) {
      if (reader.buffered.length === 0) return { type: 'closed' }
      throw new ProtocolError('MESSAGE_MALFORMED', 'startup packet cut short')
    }
    const packet = decodeStartup(bytes)
    switch (packet.type) {
      case 'ssl-request':
      case 'gssenc-request':
        // Bytes sent in the clear before the ClientHello would be taken for bytes sent inside TLS (CVE-2021-23214).
        if (reader.buffered.length > 0 || isSecure) {
          throw new ProtocolError('MESSAGE_UNEXPECTED', 'bytes after the request for encryption')
        }
        if (packet.type === 'gssenc-request' || tls === null) {
          socket.write('N')
          continue
        }
        reader.detach()
        raw.write('S')
        socket = await secure(raw, tls, onSocket)
        reader = new PacketReader(socket, maxHandshakeBytes)
        isSecure = true
        continue
      case 'cancel-request':
        return { type: 'cancel', socket, reader, processId: packet.processId, key: packet.key }
      case 'startup':
        return {
          type: 'startup',
          socket,
          reader,
          tls: isSecure ? describeTls(socket as TLSSocket) : null,
          major: packet.major,
          minor: packet.minor,
          parameters: packet.parameters,
        }
    }
  }
  throw new ProtocolError('MESSAGE_UNEXPECTED', 'too many requests for encryption')
}

// SSLRequest, GSSENCRequest, startup, and one to spare.
const maxRounds = 4
// Longer than a startup packet: a token with many groups may be the password.
const maxHandshakeBytes = 16 * 1024

/** Takes over the raw socket. Resolves when the handshake is done. */
function secure(
  raw: Socket,
  tls: ServerTls,
  onSocket: (socket: Socket) => void,
): Promise<TLSSocket> {
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: tls.context,
    ALPNProtocols: ['postgresql'],
  })
  onSocket(socket)
  return new Promise((resolve, reject) => {
    const onFailed = (): void => {
      reject(new ProtocolError('MESSAGE_UNEXPECTED', 'TLS handshake failed'))
    }
    socket.once('secure', () => {
      socket.off('error', onFailed)
      socket.off('close', onFailed)
      resolve(socket)
    })
    socket.once('error', onFailed)
    socket.once('close', onFailed)
  })
}

function describeTls(socket: TLSSocket): string {
  return `${socket.getProtocol() ?? 'TLS'} ${socket.getCipher().name}`
}
