import * as oidc from 'openid-client'

import { CommandFailure } from './failure.ts'
import { reach } from './reach.ts'
import type { ApiPlace } from './reach.ts'

/** What the api says to whoever wants to sign in. */
export interface Identity {
  readonly issuer: string
  readonly audience: string
  readonly cli_client_id: string
  readonly targets: readonly { readonly name: string; readonly audience: string }[]
}

export async function readIdentity(place: ApiPlace): Promise<Identity> {
  const response = await reach(place, new URL('/v1/identity', place.url))
  if (response.ok) return (await response.json()) as Identity
  throw new CommandFailure(
    `${place.url} does not answer like affidavit (status ${response.status}); say where it runs with --api`,
  )
}

/** The issuer's discovery document, as this client. Plain http is for an issuer on this machine only. */
export async function discoverForCommand(
  issuer: string,
  client: { readonly clientId: string; readonly clientSecret: string | null },
): Promise<oidc.Configuration> {
  const authentication =
    client.clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(client.clientSecret)
  try {
    return await oidc.discovery(new URL(issuer), client.clientId, undefined, authentication, {
      execute: issuer.startsWith('http://') ? [oidc.allowInsecureRequests] : [],
    })
  } catch (cause) {
    throw new CommandFailure(
      `the issuer ${issuer}, where you would sign in, does not answer with a discovery document: can it be reached from here?`,
      1,
      { cause },
    )
  }
}
