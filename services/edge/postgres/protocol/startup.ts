import { BodyReader } from './body-reader.ts'
import { ProtocolError } from './error.ts'
import { MessageWriter } from './message-writer.ts'

/** What a client may send before the protocol proper. These packets have a length but no type byte. */
export type StartupPacket =
  | { readonly type: 'ssl-request' }
  | { readonly type: 'gssenc-request' }
  | { readonly type: 'cancel-request'; readonly processId: number; readonly key: Buffer }
  | {
      readonly type: 'startup'
      readonly major: number
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }

const sslRequestCode = 80877103
const gssencRequestCode = 80877104
const cancelRequestCode = 80877102

/** PostgreSQL's own bound for a startup packet. */
export const maxStartupBytes = 10_000

/** The first byte of a TLS record of type handshake: a client that starts with TLS directly (PostgreSQL 17). */
export const tlsHandshakeByte = 0x16

/** The total length of the packet that begins here, or null while its length word is incomplete. */
export function startupLength(bytes: Buffer): number | null {
  if (bytes.length < 4) return null
  const length = bytes.readUInt32BE(0)
  if (length < 8) throw new ProtocolError('LENGTH_INVALID', 'invalid length of startup packet')
  if (length > maxStartupBytes) {
    throw new ProtocolError('LENGTH_OVER_LIMIT', 'startup packet over the limit')
  }
  return length
}

// Int32 length, Int32 code or version, then: nothing (SSLRequest, GSSENCRequest); Int32 process id and key (CancelRequest);
// (String name, String value)*, Byte1 0 (StartupMessage)
export function decodeStartup(packet: Buffer): StartupPacket {
  const body = new BodyReader(packet, 4, packet.length)
  const message = decodeBody(body)
  body.finish()
  return message
}

function decodeBody(body: BodyReader): StartupPacket {
  const code = body.uint32()
  switch (code) {
    case sslRequestCode:
      return { type: 'ssl-request' }
    case gssencRequestCode:
      return { type: 'gssenc-request' }
    case cancelRequestCode: {
      const processId = body.int32()
      if (body.remaining < 4 || body.remaining > 256) {
        throw new ProtocolError('MESSAGE_MALFORMED', 'cancel key has an impossible length')
      }
      return { type: 'cancel-request', processId, key: Buffer.from(body.bytes(body.remaining)) }
    }
    default: {
      const parameters = new Map<string, string>()
      for (let name = body.utf8(); name !== ''; name = body.utf8()) {
        // A name given twice would let the edge read one value and the target the other.
        if (parameters.has(name)) {
          throw new ProtocolError('MESSAGE_MALFORMED', 'startup parameter given twice')
        }
        parameters.set(name, body.utf8())
      }
      return { type: 'startup', major: code >>> 16, minor: code & 0xffff, parameters }
    }
  }
}

export function encodeStartup(packet: StartupPacket): Buffer {
  const writer = new MessageWriter(null)
  switch (packet.type) {
    case 'ssl-request':
      return writer.uint32(sslRequestCode).finish()
    case 'gssenc-request':
      return writer.uint32(gssencRequestCode).finish()
    case 'cancel-request':
      return writer.uint32(cancelRequestCode).int32(packet.processId).bytes(packet.key).finish()
    case 'startup':
      writer.uint32(((packet.major << 16) | packet.minor) >>> 0)
      for (const [name, value] of packet.parameters) writer.utf8(name).utf8(value)
      return writer.uint8(0).finish()
  }
}
