import { DemoError } from './demo-error.ts'
import { demoTarget } from './demo-files.ts'
import type { KnownIssuer } from './issuer/issuer-files.ts'
import { exchangeToken, signInAsPerson } from './sign-in.ts'
import type { SignedIn } from './sign-in.ts'

/** What a client needs to work on the target through the edge. */
export interface DemoSession {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly ca: string
  readonly expiresAt: string
}

/** Signs this person in to the `affidavit` command. */
export async function tokenOfPerson(
  issuer: KnownIssuer,
  audience: string,
  username: string,
): Promise<SignedIn> {
  return signInAsPerson({
    issuer: issuer.url,
    clientId: issuer.clients.cli.clientId,
    username,
    password: passwordOf(issuer, username),
    audience,
  })
}

/** Olivia signs in to the agent and consents; the agent turns her token into one in which it acts for her (RFC 8693). */
export async function tokenOfAgent(
  issuer: KnownIssuer,
  audience: string,
): Promise<{ readonly accessToken: string }> {
  const { clientId, clientSecret } = issuer.clients.agent
  const signedIn = await signInAsPerson({
    issuer: issuer.url,
    clientId,
    clientSecret,
    username: 'olivia',
    password: passwordOf(issuer, 'olivia'),
    audience,
    delegate: true,
  })
  return exchangeToken({
    issuer: issuer.url,
    clientId,
    clientSecret,
    subjectToken: signedIn.accessToken,
    audience,
  })
}

/** Exchanges a token for a session password of the demo's target. */
export async function issueSession(api: string, token: string): Promise<DemoSession> {
  const response = await fetch(new URL('/v1/credentials', api), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ target: demoTarget }),
  })
  if (!response.ok) {
    throw new DemoError(
      'DEMO_SIGN_IN_FAILED',
      `no session password was issued: ${await response.text()}`,
    )
  }
  const issued = (await response.json()) as {
    host: string
    port: number
    database: string
    user: string
    password: string
    ca_pem: string
    expires_at: string
  }
  const { host, port, database, user, password } = issued
  return { host, port, database, user, password, ca: issued.ca_pem, expiresAt: issued.expires_at }
}

function passwordOf(issuer: KnownIssuer, username: string): string {
  const account = issuer.accounts.find((each) => each.username === username)
  if (account === undefined) throw new TypeError(`nobody is called ${username}`)
  return account.password
}
