import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Provider, errors } from 'oidc-provider'
import type { Configuration } from 'oidc-provider'
import { consoleClientId, registeredClients } from './issuer-clients.ts'
import { openIssuerFiles } from './issuer-files.ts'
import type { KnownIssuer } from './issuer-files.ts'
import { answerInteraction, delegationScope } from './issuer-interactions.ts'
import { interactionPath, pageHeaders } from './issuer-interactions.ts'
import { deviceCodePage, deviceConfirmPage, messagePage } from './issuer-pages.ts'
import { createIssuerStore } from './issuer-store.ts'
import { listening } from '../listening.ts'
import type { Account, Person } from './people.ts'
import { ensurePrivateFile, ensureSecret } from '../secret-file.ts'
import { registerTokenExchange } from './token-exchange.ts'
import type { TokenExchange } from './token-exchange.ts'

export interface IssuerOptions {
  readonly port: number
  /** Default 127.0.0.1. */
  readonly listen?: string
  /** How browsers and services reach it. Default: http on the port of 127.0.0.1. */
  readonly url?: string
  /** Keys, passwords and client secrets live here, mode 0600, and are found again by the next start. */
  readonly directory: string
  /** Whom the access tokens are for: an absolute URI, the resource of RFC 8707. The default when a client names none. */
  readonly audience: string
  readonly consoleRedirectUri: string
  readonly people?: readonly Person[]
  readonly signal?: AbortSignal
}

export interface Issuer extends KnownIssuer, AsyncDisposable {}

const hourSeconds = 3_600
const exchangedSeconds = 600

/** A real OpenID Connect issuer for the demo, on plain HTTP of the loopback interface. */
export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const { port, directory, audience } = options
  options.signal?.throwIfAborted()
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const listen = options.listen ?? '127.0.0.1'
  const url = options.url ?? `http://127.0.0.1:${port}`
  const { accounts, clients } = await openIssuerFiles(directory, options.people)
  const key = await openSigningKey(join(directory, 'signing-key.json'))
  const cookieKey = await ensureSecret(join(directory, 'cookie-key'))
  const resourceServer = {
    audience,
    scope: delegationScope,
    accessTokenFormat: 'jwt' as const,
    accessTokenTTL: hourSeconds,
    jwt: { sign: { alg: 'RS256' as const } },
  }
  const exchange: { current: TokenExchange | null } = { current: null }
  const byName = new Map(accounts.map((account) => [account.username, account]))

  const configuration: Configuration = {
    adapter: createIssuerStore(Date.now),
    clients: registeredClients({
      consoleSecret: clients.console.clientSecret,
      agentSecret: clients.agent.clientSecret,
      consoleRedirectUri: options.consoleRedirectUri,
    }),
    jwks: { keys: [key.privateKey] },
    cookies: {
      keys: [cookieKey],
      // Cookies do not tell ports apart, and the console is on the same address.
      names: { session: 'issuer_session', interaction: 'issuer_step', resume: 'issuer_resume' },
    },
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    scopes: ['openid', 'profile', 'email'],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'groups'],
      email: ['email'],
    },
    // Clients get what they asked for with the ID token already.
    conformIdTokenClaims: false,
    findAccount: (_ctx, subject) => {
      const account = byName.get(subject)
      return account && { accountId: subject, claims: () => claimsOf(account) }
    },
    extraTokenClaims: (_ctx, token) => {
      const account = 'accountId' in token ? byName.get(token.accountId) : undefined
      if (account === undefined) return undefined
      const act = exchange.current?.actOf(token)
      return {
        name: account.name,
        groups: [...account.groups],
        ...(act === undefined ? {} : { act }),
      }
    },
    interactions: { url: (_ctx, interaction) => `${interactionPath}${interaction.uid}` },
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.set(pageHeaders)
      ctx.body = messagePage('That did not work', out.error_description ?? out.error)
    },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? hourSeconds,
      AuthorizationCode: 60,
      ClientCredentials: exchangedSeconds,
      DeviceCode: exchangedSeconds,
      Grant: 8 * hourSeconds,
      IdToken: hourSeconds,
      Interaction: hourSeconds,
      RefreshToken: 8 * hourSeconds,
      Session: 8 * hourSeconds,
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) => {
          ctx.set(pageHeaders)
          ctx.body = deviceCodePage(form, error !== undefined)
        },
        userCodeConfirmSource: (ctx, form, client, _device, code) => {
          ctx.set(pageHeaders)
          ctx.body = deviceConfirmPage(form, client.clientName ?? client.clientId, code)
        },
        successSource: (ctx) => {
          ctx.set(pageHeaders)
          ctx.body = messagePage('You are signed in', 'Go on where you started the command.')
        },
      },
      resourceIndicators: {
        enabled: true,
        // The console works by the person's identity alone; its token is for the user info, and opaque.
        defaultResource: (_ctx, client, oneOf) =>
          oneOf ?? (client.clientId === consoleClientId ? [] : audience),
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== audience) throw new errors.InvalidTarget()
          return resourceServer
        },
      },
    },
  }
  const provider = new Provider(url, configuration)
  exchange.current = registerTokenExchange(provider, {
    issuer: url,
    publicKeys: { keys: [key.publicKey] },
    audience,
    resourceServer,
    longestSeconds: exchangedSeconds,
    accountExists: (subject) => byName.has(subject),
  })

  const answer = provider.callback()
  const server = createServer((request, response) => {
    const isInteraction = request.url?.startsWith(interactionPath) === true
    const answered = isInteraction
      ? answerInteraction(provider, accounts, request, response)
      : answer(request, response)
    answered.catch(() => response.destroy())
  })
  await listening(server, port, listen)
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const onAbort = (): void => void stop()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  return {
    url,
    accounts,
    clients,
    async [Symbol.asyncDispose]() {
      options.signal?.removeEventListener('abort', onAbort)
      await stop()
    },
  }
}

function claimsOf(account: Account) {
  return {
    sub: account.username,
    name: account.name,
    preferred_username: account.username,
    email: account.email,
    groups: [...account.groups],
  }
}

/** RS256, which every OpenID Connect client has to know. The same key after a restart, so that tokens stay good. */
async function openSigningKey(file: string) {
  const text = await ensurePrivateFile(file, () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const made = privateKey.export({ format: 'jwk' })
    return JSON.stringify({ ...made, kid: randomUUID(), alg: 'RS256', use: 'sig' })
  })
  const jwk = JSON.parse(text) as JsonWebKey & { kid: string; alg: string; use: string }
  const { kid, alg, use } = jwk
  const publicJwk = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' })
  return {
    privateKey: { ...jwk, kty: 'RSA' as const },
    publicKey: { ...publicJwk, kty: 'RSA', kid, alg, use },
  }
}
