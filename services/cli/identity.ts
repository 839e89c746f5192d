import * as oidc from 'openid-client'

import { CommandFailure } from './failure.ts'

/** What the api says to whoever wants to sign in. */
export interface Identity {
  readonly issuer: string
  readonly audience: string
  readonly cli_client_id: string
  readonly targets: readonly { readonly name: string; readonly audience: string }[]
}

export async function readIdentity(api: string): Promise<Identity> {
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

/** The issuer's discovery document, as this client. Plain http is for an issuer on this machine only. */
export function discoverForCommand(
  issuer: string,
  client: { readonly clientId: string; readonly clientSecret: string | null },
): Promise<oidc.Configuration> {
  const authentication =
    client.clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(client.clientSecret)
  return oidc.discovery(new URL(issuer), client.clientId, undefined, authentication, {
    execute: issuer.startsWith('http://') ? [oidc.allowInsecureRequests] : [],
  })
}
