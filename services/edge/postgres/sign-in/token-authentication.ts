import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'

import type { TokenPasswordOutcome, TokenPasswords } from '../../guard/identity/token-passwords.ts'
import type { PacketReader } from '../packet-reader.ts'
import { encodeBackend } from '../protocol/backend.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'

/**
 * The user name by which a client says that its password is a token. The api never issues it: the names of session passwords have a
 * dot. It is the client that chooses, so whoever insists on SCRAM is never asked for a password in the clear.
 */
export const tokenUser = 'jwt'

export type TokenAuthenticationOutcome =
  | TokenPasswordOutcome
  | {
      readonly ok: false
      readonly reason: 'client_left' | 'exchange_malformed'
      readonly actor: null
    }

/** Asks for a token as password. Only to be called inside TLS: the token comes as it is. */
export async function authenticateByToken(
  socket: Socket,
  reader: PacketReader,
  passwords: TokenPasswords,
): Promise<TokenAuthenticationOutcome> {
  socket.write(encodeBackend({ type: 'authentication', authentication: { method: 'cleartext' } }))
  const packet = await reader.message()
  if (packet === null) return { ok: false, reason: 'client_left', actor: null }
  const token = packet.type === frontend.password ? passwordOf(packet.bytes) : null
  if (token === null) return { ok: false, reason: 'exchange_malformed', actor: null }
  return passwords.take(token)
}

// Byte1 'p', Int32 length, String password
function passwordOf(packet: Buffer): string | null {
  const body = packet.subarray(headerBytes)
  // One string, and nothing behind its end.
  if (body.length === 0 || body.indexOf(0) !== body.length - 1 || !isUtf8(body)) return null
  return body.toString('utf8', 0, body.length - 1)
}
