import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import { CommandFailure } from './failure.ts'
import { discoverForCommand, readIdentity } from './identity.ts'
import type { ApiPlace } from './reach.ts'
import { signInOnDevice, signInWithBrowser, tokenOfClient } from './sign-in-flows.ts'
import type { ClientCredentials, Token } from './sign-in-flows.ts'

/** Who the command acts as, and where: kept in a file that only its owner can read. */
export interface SignIn {
  /** URL of the api. */
  readonly api: string
  readonly issuer: string
  readonly client_id: string
  readonly access_token: string
  /** Milliseconds since 1970. */
  readonly expires_at: number
}

export interface SignInOptions {
  /** Path of the sign-in file. */
  readonly signIn?: string
  readonly api?: string
}

export interface PersonOptions extends SignInOptions {
  /** Sign in on another device: for a machine that has no browser. */
  readonly device?: boolean
}

const defaultApi = 'http://127.0.0.1:21400'

function signInFile(options: SignInOptions): string {
  return (
    options.signIn ??
    process.env['AFFIDAVIT_SIGN_IN'] ??
    join(homedir(), '.config', 'affidavit', 'sign-in.json')
  )
}

/** The sign-in to use: a token from the environment, the file's while it lasts, or a new one that a person makes. */
export async function signedIn(options: PersonOptions): Promise<SignIn> {
  const kept = readSignIn(signInFile(options))
  const { url: api } = placeOf(options)
  const token = process.env['AFFIDAVIT_TOKEN']
  if (token !== undefined) return { ...withoutToken(api), access_token: token }
  if (kept !== null && kept.api === api && kept.expires_at > Date.now() + 10_000) return kept
  return signInAnew(options)
}

/** A person signs in, whatever is kept; the next command finds it. */
export async function signInAnew(options: PersonOptions): Promise<SignIn> {
  const { audience } = await readIdentity(placeOf(options))
  const fresh = await signInFor(options, audience)
  writeSignIn(signInFile(options), fresh)
  return fresh
}

/** A person signs in for this audience; kept nowhere. */
export async function signInFor(options: PersonOptions, audience: string): Promise<SignIn> {
  const place = placeOf(options)
  const identity = await readIdentity(place)
  const { issuer, cli_client_id: clientId } = identity
  const configuration = await discoverForCommand(issuer, { clientId, clientSecret: null })
  const signIn = options.device === true ? signInOnDevice : signInWithBrowser
  return kept(place.url, issuer, clientId, await signIn(configuration, audience))
}

/** An agent or a service signs in as itself, or for the person of a token; kept nowhere. */
export async function signInAsClient(
  options: SignInOptions,
  client: ClientCredentials,
  audience: string,
): Promise<SignIn> {
  const place = placeOf(options)
  const { issuer } = await readIdentity(place)
  const configuration = await discoverForCommand(issuer, client)
  const token = await tokenOfClient(configuration, audience, client.subjectToken)
  return kept(place.url, issuer, client.clientId, token)
}

/** Where affidavit runs: as said, as at the last sign-in, or on this machine. */
export function placeOf(options: SignInOptions): ApiPlace {
  const file = signInFile(options)
  if (options.api !== undefined) return { url: options.api, foundBy: 'option', file }
  const kept = readSignIn(file)
  return kept === null
    ? { url: defaultApi, foundBy: 'guess', file }
    : { url: kept.api, foundBy: 'sign-in', file }
}

function withoutToken(api: string): Omit<SignIn, 'access_token'> {
  return { api, issuer: '', client_id: '', expires_at: Number.MAX_SAFE_INTEGER }
}

function kept(api: string, issuer: string, clientId: string, token: Token): SignIn {
  return {
    api,
    issuer,
    client_id: clientId,
    access_token: token.accessToken,
    expires_at: Date.now() + token.expiresInSeconds * 1000,
  }
}

export function writeSignIn(file: string, signIn: SignIn): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, `${JSON.stringify(signIn, null, 2)}\n`, { mode: 0o600 })
}

function readSignIn(file: string): SignIn | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return null
  }
  try {
    return JSON.parse(text) as SignIn
  } catch (cause) {
    throw new CommandFailure(`${file} is not a sign-in file; delete it and sign in again`, 1, {
      cause,
    })
  }
}
