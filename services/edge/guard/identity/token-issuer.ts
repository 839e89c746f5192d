import { createRemoteJWKSet } from 'jose'
import type { JWTVerifyGetKey } from 'jose'
import * as oidc from 'openid-client'

/** Who signs tokens: the name that they carry, and its keys. Keys are fetched when first needed and cached by `jose`. */
export interface TokenIssuer {
  readonly issuer: string
  readonly keys: JWTVerifyGetKey
}

/** The issuer, or its keys, cannot be had now; or what was had is of no use. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable'
}

const discoverySeconds = 4
const keysMs = 5_000

/** The issuer of a discovery document that was read before. */
export function tokenIssuer(metadata: oidc.ServerMetadata): TokenIssuer {
  const url = URL.parse(metadata.jwks_uri ?? '')
  if (url === null || !(url.protocol === 'https:' || isLoopback(url))) {
    throw new IssuerUnavailable(
      `the discovery document of ${metadata.issuer} names no jwks_uri with https: (http: on this machine only)`,
    )
  }
  return {
    issuer: metadata.issuer,
    keys: createRemoteJWKSet(url, { timeoutDuration: keysMs }),
  }
}

/**
 * The issuer at this address, which may be away: its discovery document is read when a token first needs it, and again for the next
 * token where that failed. Rejects with `IssuerUnavailable`, after a few seconds at the latest.
 */
export function laterIssuer(address: string): () => Promise<TokenIssuer> {
  let found: Promise<TokenIssuer> | null = null
  return () => {
    found ??= discover(address).catch((cause: unknown) => {
      found = null
      if (cause instanceof IssuerUnavailable) throw cause
      throw new IssuerUnavailable(`the issuer ${address} does not answer`, { cause })
    })
    return found
  }
}

async function discover(address: string): Promise<TokenIssuer> {
  const url = new URL(address)
  const configuration = await oidc.discovery(url, 'affidavit', undefined, oidc.None(), {
    ...insecureOnLoopback(url),
    timeout: discoverySeconds,
  })
  return tokenIssuer(configuration.serverMetadata())
}

/** Plain http is for an issuer on this machine only. */
export function insecureOnLoopback(url: URL): Pick<oidc.DiscoveryRequestOptions, 'execute'> {
  return { execute: isLoopback(url) ? [oidc.allowInsecureRequests] : [] }
}

// Names under .localhost never leave the machine (RFC 6761 §6.3); containers know each other by such names as well.
function isLoopback({ hostname }: URL): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(hostname) || hostname.endsWith('.localhost')
}
