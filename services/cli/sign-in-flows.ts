import { spawn } from 'node:child_process'
import { createServer } from 'node:http'

import * as oidc from 'openid-client'

import { CommandFailure } from './failure.ts'

/** An agent or a service as the issuer knows it. */
export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
  /** The token of the person it acts for; null: it acts for itself. */
  readonly subjectToken: string | null
}

export interface Token {
  readonly accessToken: string
  readonly expiresInSeconds: number
}

const scope = 'openid profile'
const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Authorization code with PKCE; the answer comes back to a port of this machine (RFC 8252 §7.3). */
export async function signInWithBrowser(
  configuration: oidc.Configuration,
  audience: string,
): Promise<Token> {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  await using answer = await listenForAnswer()
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: answer.redirectUri,
    scope,
    resource: audience,
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
  return tokenOf(tokens)
}

/**
 * RFC 8628: the person signs in on another device, which has a browser, while this one asks until that is done. With PKCE, which the
 * RFC does not know and Keycloak asks for where it asks the client for PKCE at all; others ignore it.
 */
export async function signInOnDevice(
  configuration: oidc.Configuration,
  audience: string,
): Promise<Token> {
  const verifier = oidc.randomPKCECodeVerifier()
  const device = await oidc.initiateDeviceAuthorization(configuration, {
    scope,
    resource: audience,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  process.stderr.write(
    `On any device, open\n  ${device.verification_uri}\nand enter the code\n  ${device.user_code}\n`,
  )
  if (device.verification_uri_complete !== undefined) {
    process.stderr.write(`or open\n  ${device.verification_uri_complete}\n`)
  }
  const proof = { code_verifier: verifier }
  return tokenOf(await oidc.pollDeviceAuthorizationGrant(configuration, device, proof))
}

/** Client credentials; with the token of a person token exchange (RFC 8693), by which the client acts for that person. */
export async function tokenOfClient(
  configuration: oidc.Configuration,
  audience: string,
  subjectToken: string | null,
): Promise<Token> {
  const tokens =
    subjectToken === null
      ? await oidc.clientCredentialsGrant(configuration, { resource: audience })
      : await oidc.genericGrantRequest(configuration, tokenExchangeGrant, {
          subject_token: subjectToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          resource: audience,
        })
  return tokenOf(tokens)
}

function tokenOf(tokens: oidc.TokenEndpointResponse): Token {
  return { accessToken: tokens.access_token, expiresInSeconds: tokens.expires_in ?? 300 }
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
