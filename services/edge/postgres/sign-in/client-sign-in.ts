import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'

import type { Actor, AuthPart, CredentialPart } from '../../../../schemas/event.ts'
import type { Admission } from '../../guard/credentials.ts'
import type { TokenPasswords } from '../../guard/identity/token-passwords.ts'
import { keysUnavailable } from '../../guard/identity/tokens.ts'
import { authenticateClient } from './client-authentication.ts'
import type { AuthenticationOutcome } from './client-authentication.ts'
import type { ClientHello } from './client-handshake.ts'
import type { EdgeParts } from '../edge-parts.ts'
import type { StartupOutcome } from './startup-parameters.ts'
import { authenticateByToken, tokenUser } from './token-authentication.ts'

export type Startup = Extract<ClientHello, { type: 'startup' }>
export type Asked = Extract<StartupOutcome, { ok: true }>

/** A client that was asked who it is, with what the evidence and the client are told. */
export type SignInOutcome =
  | {
      readonly ok: true
      readonly admission: Admission
      readonly auth: AuthPart
      /** Of a token; session passwords have theirs from when they were issued. */
      readonly credential: CredentialPart | null
    }
  | {
      readonly ok: false
      readonly auth: AuthPart
      readonly actor: Actor
      /** Null: the client has left. */
      readonly answer: { readonly sqlState: string; readonly message: string } | null
    }

/** By the user name the client says how: a token inside TLS where the target takes them, else SCRAM with a session password. */
export function signIn(
  parts: EdgeParts,
  socket: Socket,
  hello: Startup,
  asked: Asked,
): Promise<SignInOutcome> {
  const { tokens } = parts
  return tokens !== null && asked.user === tokenUser
    ? signInByToken(tokens, socket, hello, asked)
    : signInByPassword(parts, socket, hello, asked)
}

async function signInByPassword(
  { credentials, target, clock, tls, mockSecret }: EdgeParts,
  socket: Socket,
  hello: Startup,
  asked: Asked,
): Promise<SignInOutcome> {
  const credential = await credentials.lookup(asked.user)
  const outcome = await authenticateClient({
    socket,
    reader: hello.reader,
    user: asked.user,
    credential,
    target: target.name,
    nowMs: clock.nowMs(),
    endPoint: hello.tls === null ? null : (tls?.endPoint ?? null),
    mockSecret,
    randomBytes,
  })
  const auth = { method: outcome.method, credential_id: credential?.credentialId ?? null }
  if (outcome.ok) {
    const { credential: admission } = outcome
    return { ok: true, admission, auth: { ...auth, reason: null }, credential: null }
  }
  const { reason } = outcome
  return {
    ok: false,
    auth: { ...auth, reason },
    // Nobody in particular: a name that was claimed and not proven.
    actor: claimedActor(asked),
    answer: passwordAnswer(reason, asked.user.slice(0, maxUserCharacters)),
  }
}

function passwordAnswer(
  reason: Extract<AuthenticationOutcome, { ok: false }>['reason'],
  user: string,
): { readonly sqlState: string; readonly message: string } | null {
  switch (reason) {
    case 'client_left':
      return null
    case 'user_unknown':
    case 'password_wrong':
      return { sqlState: '28P01', message: `password authentication failed for user "${user}"` }
    case 'exchange_malformed':
      return { sqlState: '08P01', message: 'invalid SCRAM exchange' }
    case 'credential_expired':
    case 'credential_revoked':
    case 'target_differs':
      // Only who knew the password gets here.
      return {
        sqlState: '28000',
        message: 'this session password is not valid here or no longer valid',
      }
  }
}

async function signInByToken(
  tokens: TokenPasswords,
  socket: Socket,
  hello: Startup,
  asked: Asked,
): Promise<SignInOutcome> {
  if (hello.tls === null) {
    return {
      ok: false,
      auth: { method: 'none', credential_id: null, reason: 'tls_missing' },
      actor: claimedActor(asked),
      answer: { sqlState: '08P01', message: 'a token is taken as password inside TLS only' },
    }
  }
  const outcome = await authenticateByToken(socket, hello.reader, tokens)
  if (!outcome.ok) {
    const { reason, actor } = outcome
    return {
      ok: false,
      auth: { method: 'token', credential_id: null, reason },
      actor: actor === null ? claimedActor(asked) : { ...actor, client: asked.application },
      answer: tokenAnswer(reason),
    }
  }
  const { admission, tokenId } = outcome
  const { credentialId, expiresAtMs } = admission
  return {
    ok: true,
    admission,
    auth: { method: 'token', credential_id: credentialId, reason: null },
    credential: {
      credential_id: credentialId,
      user: tokenUser,
      token_id: tokenId,
      expires_at: expiresAtMs * 1000,
    },
  }
}

/** Why a token is not taken is for those who may read the evidence. */
function tokenAnswer(
  reason: string,
): { readonly sqlState: string; readonly message: string } | null {
  switch (reason) {
    case 'client_left':
      return null
    case 'exchange_malformed':
      return { sqlState: '08P01', message: 'expected a token as password' }
    case keysUnavailable:
    case 'too_many_tokens':
    case 'use_not_kept':
      return { sqlState: '57P03', message: 'tokens cannot be checked now; try again later' }
    default:
      return {
        sqlState: '28P01',
        message:
          'the token is not taken as password here; get a new one for this target, the evidence says why',
      }
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

// NAMEDATALEN, less one.
const maxUserCharacters = 63
