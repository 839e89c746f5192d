import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { startIssuer } from '../../../../../services/all-in-one/demo/issuer/issuer.ts'
import type { Issuer } from '../../../../../services/all-in-one/demo/issuer/issuer.ts'
import {
  exchangeToken,
  signInAsPerson,
  walkPages,
} from '../../../../../services/all-in-one/demo/sign-in.ts'
import { freePort } from '../free-port.ts'

const audience = 'http://127.0.0.1:21400'
const consoleRedirectUri = 'http://127.0.0.1:21400/auth/callback'

async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'issuer-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

async function anIssuer(t: TestContext, directory?: string, port?: number): Promise<Issuer> {
  return startIssuer({
    port: port ?? (await freePort()),
    directory: directory ?? (await aDirectory(t)),
    audience,
    consoleRedirectUri,
  })
}

function passwordOf(issuer: Issuer, username: string): string {
  const account = issuer.accounts.find((each) => each.username === username)
  assert.ok(account)
  return account.password
}

function signIn(issuer: Issuer, options: { delegate?: boolean; password?: string } = {}) {
  return signInAsPerson({
    issuer: issuer.url,
    clientId: issuer.clients.cli.clientId,
    username: 'olivia',
    password: options.password ?? passwordOf(issuer, 'olivia'),
    audience,
    ...(options.delegate === undefined ? {} : { delegate: options.delegate }),
  })
}

function exchange(issuer: Issuer, subjectToken: string) {
  const { clientId, clientSecret } = issuer.clients.agent
  return exchangeToken({ issuer: issuer.url, clientId, clientSecret, subjectToken, audience })
}

async function verify(issuer: Issuer, token: string) {
  const keys = createRemoteJWKSet(new URL(`${issuer.url}/jwks`))
  return jwtVerify(token, keys, { issuer: issuer.url, audience, typ: 'at+jwt' })
}

test('a person signs in by the command’s flow and gets a signed token with name and groups', async (t) => {
  await using issuer = await anIssuer(t)
  const { accessToken, idToken } = await signIn(issuer)
  const { payload, protectedHeader } = await verify(issuer, accessToken)
  assert.equal(protectedHeader.alg, 'RS256')
  assert.equal(payload.sub, 'olivia')
  assert.equal(payload['name'], 'Olivia Okafor')
  assert.deepEqual(payload['groups'], ['operations'])
  assert.equal(typeof payload.jti, 'string')
  assert.equal(payload['act'], undefined)
  assert.deepEqual(decodeJwt(idToken)['groups'], ['operations'])
})

test('the issuer names itself as it was told, where its address is another one', async (t) => {
  const port = await freePort()
  await using issuer = await startIssuer({
    port,
    url: `http://issuer.localhost:${port}`,
    directory: await aDirectory(t),
    audience,
    consoleRedirectUri,
  })
  const response = await fetch(`http://127.0.0.1:${port}/.well-known/openid-configuration`)
  const discovered = (await response.json()) as { issuer: string }
  assert.equal(discovered.issuer, `http://issuer.localhost:${port}`)
  assert.equal(issuer.url, discovered.issuer)
})

test('a wrong password signs nobody in', async (t) => {
  await using issuer = await anIssuer(t)
  await assert.rejects(signIn(issuer, { password: 'guessed' }), { code: 'DEMO_SIGN_IN_FAILED' })
})

test('the agent exchanges the consented token of its person: the person stays subject, the agent acts', async (t) => {
  await using issuer = await anIssuer(t)
  const { accessToken } = await signIn(issuer, { delegate: true })
  const exchanged = await exchange(issuer, accessToken)
  const { payload } = await verify(issuer, exchanged.accessToken)
  assert.equal(payload.sub, 'olivia')
  assert.deepEqual(payload['act'], { sub: 'shop-agent' })
  assert.deepEqual(payload['groups'], ['operations'])
  assert.equal(payload.aud, audience)
  assert.ok((payload.exp ?? 0) - (payload.iat ?? 0) <= 600)
  assert.notEqual(payload.jti, decodeJwt(accessToken).jti)
})

test('without consent, with a forged token, or for another audience there is no exchange', async (t) => {
  await using issuer = await anIssuer(t)
  const { accessToken, idToken } = await signIn(issuer)
  await assert.rejects(exchange(issuer, accessToken), { error: 'invalid_grant' })
  // The ID token was issued to the command, not to the agent.
  await assert.rejects(exchange(issuer, idToken), { error: 'invalid_grant' })

  const consented = await signIn(issuer, { delegate: true })
  const [header, , signature] = consented.accessToken.split('.')
  const claims = { ...decodeJwt(consented.accessToken), sub: 'nia' }
  const forged = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
  await assert.rejects(exchange(issuer, forged), { error: 'invalid_grant' })

  const { clientId, clientSecret } = issuer.clients.agent
  await assert.rejects(
    exchangeToken({
      issuer: issuer.url,
      clientId,
      clientSecret,
      subjectToken: consented.accessToken,
      audience: 'https://elsewhere.example',
    }),
    { error: 'invalid_target' },
  )
})

test('an agent without a person gets a token of its own, and only with its secret', async (t) => {
  await using issuer = await anIssuer(t)
  const { clientId, clientSecret } = issuer.clients.agent
  const configure = (secret: string) =>
    oidc.discovery(new URL(issuer.url), clientId, undefined, oidc.ClientSecretBasic(secret), {
      execute: [oidc.allowInsecureRequests],
    })
  const tokens = await oidc.clientCredentialsGrant(await configure(clientSecret), {
    resource: audience,
  })
  const { payload } = await verify(issuer, tokens.access_token)
  assert.equal(payload.sub, 'shop-agent')
  assert.equal(payload['act'], undefined)
  await assert.rejects(
    oidc.clientCredentialsGrant(await configure('wrong'), { resource: audience }),
  )
})

test('keys, passwords and secrets are kept, readable by the owner only, and tokens outlive a restart', async (t) => {
  const directory = await aDirectory(t)
  const port = await freePort()
  let token: string
  let password: string
  {
    await using issuer = await anIssuer(t, directory, port)
    token = (await signIn(issuer)).accessToken
    password = passwordOf(issuer, 'olivia')
  }
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const { mode } = await stat(join(entry.parentPath, entry.name))
    assert.equal(mode & 0o777, 0o600, entry.name)
  }
  await using issuer = await anIssuer(t, directory, port)
  assert.equal(passwordOf(issuer, 'olivia'), password)
  assert.equal((await verify(issuer, token)).payload.sub, 'olivia')
})

test('the console’s client reads the person from ID token and user info', async (t) => {
  await using issuer = await anIssuer(t)
  const { clientId, clientSecret } = issuer.clients.console
  const configuration = await oidc.discovery(
    new URL(issuer.url),
    clientId,
    undefined,
    oidc.ClientSecretBasic(clientSecret),
    { execute: [oidc.allowInsecureRequests] },
  )
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: consoleRedirectUri,
    scope: 'openid profile',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const answer = await walkPages(url, {
    username: 'ada',
    password: passwordOf(issuer, 'ada'),
    redirectUri: consoleRedirectUri,
  })
  const tokens = await oidc.authorizationCodeGrant(configuration, answer, { pkceCodeVerifier })
  const info = await oidc.fetchUserInfo(configuration, tokens.access_token, 'ada')
  assert.deepEqual(info['groups'], ['auditors'])
  assert.deepEqual(tokens.claims()?.['groups'], ['auditors'])
})
