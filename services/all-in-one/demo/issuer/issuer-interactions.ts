import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { consentPage, messagePage, signInPage } from './issuer-pages.ts'
import { findSignedIn } from './people.ts'
import type { Account } from './people.ts'

/** The scope by which a person lets an agent act for them; the only thing the demo's issuer asks consent for. */
export const delegationScope = 'delegate'

export const interactionPath = '/interaction/'
const formLimitBytes = 8_192

/** Answers the pages on which a person signs in and consents. */
export async function answerInteraction(
  provider: Provider,
  accounts: readonly Account[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (request.method === 'POST') await takeForm(provider, accounts, request, response)
    else await showPage(provider, accounts, request, response)
  } catch (error) {
    if (response.headersSent) throw error
    const text = 'This sign-in has expired or was finished elsewhere. Start it again.'
    send(response, 400, messagePage('Nothing to sign in to', text))
  }
}

async function showPage(
  provider: Provider,
  accounts: readonly Account[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, uid, session } = await provider.interactionDetails(request, response)
  const client = await clientName(provider, params)
  const action = `${interactionPath}${uid}`
  if (prompt.name === 'login') {
    send(response, 200, signInPage(client, action, '', false))
  } else if (asksToDelegate(params)) {
    const person = accounts.find((account) => account.username === session?.accountId)
    send(response, 200, consentPage(client, person?.name ?? '', action))
  } else {
    // The console and the command are part of the product: signing in to them is consent enough.
    await grant(provider, request, response)
  }
}

async function takeForm(
  provider: Provider,
  accounts: readonly Account[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, uid } = await provider.interactionDetails(request, response)
  const form = await readForm(request)
  const step = form.get('step')
  if (step === 'abort') {
    const refusal = { error: 'access_denied', error_description: 'the person refused' }
    await provider.interactionFinished(request, response, refusal)
  } else if (step === 'consent' && prompt.name === 'consent') {
    await grant(provider, request, response)
  } else {
    const username = form.get('username') ?? ''
    const account = findSignedIn(accounts, username, form.get('password') ?? '')
    if (account === null || prompt.name !== 'login') {
      const client = await clientName(provider, params)
      send(response, 401, signInPage(client, `${interactionPath}${uid}`, username, true))
      return
    }
    const login = { accountId: account.username, amr: ['pwd'] }
    await provider.interactionFinished(request, response, { login })
  }
}

async function grant(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  const given =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({
      accountId: session?.accountId ?? '',
      clientId: String(params['client_id']),
    })
  const missing = prompt.details as {
    readonly missingOIDCScope?: readonly string[]
    readonly missingOIDCClaims?: string[]
    readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>>
  }
  if (missing.missingOIDCScope) given.addOIDCScope(missing.missingOIDCScope.join(' '))
  if (missing.missingOIDCClaims) given.addOIDCClaims(missing.missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missing.missingResourceScopes ?? {})) {
    given.addResourceScope(resource, scopes.join(' '))
  }
  const consent = { grantId: await given.save() }
  await provider.interactionFinished(
    request,
    response,
    { consent },
    { mergeWithLastSubmission: true },
  )
}

function asksToDelegate(params: Readonly<Record<string, unknown>>): boolean {
  return String(params['scope']).split(' ').includes(delegationScope)
}

async function clientName(
  provider: Provider,
  params: Readonly<Record<string, unknown>>,
): Promise<string> {
  const client = await provider.Client.find(String(params['client_id']))
  return client?.clientName ?? String(params['client_id'])
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > formLimitBytes) throw new RangeError('the form is too large')
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { ...pageHeaders, 'content-type': 'text/html; charset=utf-8' })
  response.end(html)
}

export const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const
