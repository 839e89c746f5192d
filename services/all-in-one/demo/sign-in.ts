import * as oidc from 'openid-client'
import { DemoError } from './demo-error.ts'
import { delegationScope } from './issuer/issuer-interactions.ts'
import { tokenExchangeGrant } from './issuer/token-exchange.ts'

export interface SignInRequest {
  readonly issuer: string
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret?: string
  readonly username: string
  readonly password: string
  readonly audience: string
  /** Whether the person also consents to an agent acting for them. */
  readonly delegate?: boolean
}

export interface SignedIn {
  readonly accessToken: string
  readonly idToken: string
  readonly expiresInSeconds: number
}

interface Visitor {
  readonly username: string
  readonly password: string
  /** Where the client waits for the answer. */
  readonly redirectUri: string
}

const redirectUri = 'http://127.0.0.1/callback'
const stepLimit = 12

/**
 * What a person does in a browser, done over HTTP: the authorization code flow with PKCE through the sign-in and consent pages of the
 * demo's issuer, with cookies and redirects. No back door: without the password it fails like a person would.
 */
export async function signInAsPerson(request: SignInRequest): Promise<SignedIn> {
  const configuration = await discover(request)
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const expectedNonce = oidc.randomNonce()
  const start = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: `openid profile email${request.delegate === true ? ` ${delegationScope}` : ''}`,
    resource: request.audience,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const answer = await walkPages(start, { ...request, redirectUri })
  const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
  })
  return {
    accessToken: tokens.access_token,
    idToken: tokens.id_token ?? '',
    expiresInSeconds: tokens.expires_in ?? 0,
  }
}

/** RFC 8693: the agent turns its person's token into one in which it acts for that person. */
export async function exchangeToken(request: {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly subjectToken: string
  readonly audience: string
}): Promise<{ readonly accessToken: string; readonly expiresInSeconds: number }> {
  const configuration = await discover(request)
  const tokens = await oidc.genericGrantRequest(configuration, tokenExchangeGrant, {
    subject_token: request.subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    resource: request.audience,
  })
  return { accessToken: tokens.access_token, expiresInSeconds: tokens.expires_in ?? 0 }
}

function discover(request: {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
}): Promise<oidc.Configuration> {
  return oidc.discovery(
    new URL(request.issuer),
    request.clientId,
    undefined,
    request.clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(request.clientSecret),
    // The demo's issuer is on plain HTTP of the loopback interface.
    { execute: [oidc.allowInsecureRequests] },
  )
}

/** Follows redirects and fills in forms until the issuer sends the browser back to the client. */
export async function walkPages(start: URL, request: Visitor): Promise<URL> {
  const cookies = new Map<string, string>()
  let at = start
  let form: URLSearchParams | null = null
  for (let step = 0; step < stepLimit; step += 1) {
    const response = await fetch(at, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === null ? {} : { method: 'POST', body: form }),
    })
    keepCookies(cookies, response)
    const location = response.headers.get('location')
    if (location !== null) {
      await response.body?.cancel()
      at = new URL(location, at)
      form = null
      if (at.href.startsWith(`${request.redirectUri}?`)) return at
      continue
    }
    const page = await response.text()
    if (response.status !== 200) {
      throw new DemoError(
        'DEMO_SIGN_IN_FAILED',
        `the issuer refused the sign-in of ${request.username} (status ${response.status})`,
      )
    }
    form = fillIn(page, request)
  }
  throw new DemoError('DEMO_SIGN_IN_FAILED', `the sign-in of ${request.username} does not end`)
}

function fillIn(page: string, request: Visitor): URLSearchParams {
  if (page.includes('name="password"')) {
    const { username, password } = request
    return new URLSearchParams({ step: 'login', username, password })
  }
  if (page.includes('value="consent"')) return new URLSearchParams({ step: 'consent' })
  throw new DemoError('DEMO_SIGN_IN_FAILED', 'the issuer shows a page that is no sign-in')
}

/** Takes over what the answer sets, and lets go of what it empties. */
export function keepCookies(cookies: Map<string, string>, response: Response): void {
  for (const line of response.headers.getSetCookie()) {
    const [pair = ''] = line.split(';')
    const split = pair.indexOf('=')
    const value = pair.slice(split + 1)
    if (value === '') cookies.delete(pair.slice(0, split))
    else cookies.set(pair.slice(0, split), value)
  }
}
