import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import * as oidc from 'openid-client'

import { CommandFailure } from './failure.ts'

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

const defaultApi = 'http://127.0.0.1:21400'

function signInFile(options: SignInOptions): string {
  return (
    options.signIn ??
    process.env['AFFIDAVIT_SIGN_IN'] ??
    join(homedir(), '.config', 'affidavit', 'sign-in.json')
  )
}

/** The sign-in to use: a token from the environment, the file's while it lasts, or a new one made in the browser. */
export async function signedIn(options: SignInOptions): Promise<SignIn> {
  const file = signInFile(options)
  const kept = readSignIn(file)
  const api = options.api ?? kept?.api ?? defaultApi
  const token = process.env['AFFIDAVIT_TOKEN']
  if (token !== undefined) {
    return {
      api,
      issuer: '',
      client_id: '',
      access_token: token,
      expires_at: Number.MAX_SAFE_INTEGER,
    }
  }
  if (kept !== null && kept.api === api && kept.expires_at > Date.now() + 10_000) return kept
  const fresh = await signInWithBrowser(api)
  writeSignIn(file, fresh)
  return fresh
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

/** Authorization code with PKCE; the answer comes back to a port of this machine (RFC 8252 §7.3). */
async function signInWithBrowser(api: string): Promise<SignIn> {
  const identity = await readIdentity(api)
  const configuration = await oidc.discovery(
    new URL(identity.issuer),
    identity.cli_client_id,
    undefined,
    oidc.None(),
    {
      execute: identity.issuer.startsWith('http://') ? [oidc.allowInsecureRequests] : [],
    },
  )
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  await using answer = await listenForAnswer()
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: answer.redirectUri,
    scope: 'openid profile',
    resource: identity.audience,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  })
  process.stderr.write(`Sign in at\n  ${url.href}\n`)
  openBrowser(url)
  const tokens = await oidc.authorizationCodeGrant(configuration, await answer.received, {
    pkceCodeVerifier: verifier,
    expectedState: state,
  })
  return {
    api,
    issuer: identity.issuer,
    client_id: identity.cli_client_id,
    access_token: tokens.access_token,
    expires_at: Date.now() + (tokens.expiresIn() ?? 300) * 1000,
  }
}

interface Identity {
  readonly issuer: string
  readonly audience: string
  readonly cli_client_id: string
}

async function readIdentity(api: string): Promise<Identity> {
  let response: Response
  try {
    response = await fetch(new URL('/v1/identity', api))
  } catch (cause) {
    throw new CommandFailure(
      `nothing answers at ${api}: is affidavit running there? Say where with --api`,
      1,
      { cause },
    )
  }
  if (!response.ok)
    throw new CommandFailure(`${api} does not answer like affidavit (status ${response.status})`)
  return (await response.json()) as Identity
}

interface Answer extends AsyncDisposable {
  readonly redirectUri: string
  readonly received: Promise<URL>
}

async function listenForAnswer(): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<URL>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', redirectUri)
    if (url.pathname !== '/callback') {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    response.end('You are signed in. This page can be closed.\n')
    resolve(url)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new CommandFailure('no port to listen on')
  const redirectUri = `http://127.0.0.1:${address.port}/callback`
  const timeout = setTimeout(() => {
    reject(new CommandFailure('nobody signed in within five minutes'))
  }, 300_000)
  return {
    redirectUri,
    received: promise,
    async [Symbol.asyncDispose]() {
      clearTimeout(timeout)
      await new Promise((closed) => server.close(closed))
    },
  }
}

function openBrowser(url: URL): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const browser = spawn(opener, [url.href], { stdio: 'ignore', detached: true })
  // Without a browser here, the printed address is there to be opened elsewhere.
  browser.on('error', () => undefined)
  browser.unref()
}
