import type { ClientMetadata } from 'oidc-provider'
import { tokenExchangeGrant } from './token-exchange.ts'

export const consoleClientId = 'console'
export const cliClientId = 'cli'
export const agentClientId = 'shop-agent'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** RFC 8252 §7.3: a native program listens on a port the system gives it, so any port of this address is right. */
const loopbackRedirects = ['http://127.0.0.1/callback', 'http://localhost/callback']

export function registeredClients(options: {
  readonly consoleSecret: string
  readonly agentSecret: string
  readonly consoleRedirectUri: string
}): ClientMetadata[] {
  return [
    {
      client_id: consoleClientId,
      client_name: 'Affidavit console',
      client_secret: options.consoleSecret,
      grant_types: ['authorization_code'],
      redirect_uris: [options.consoleRedirectUri],
      scope: 'openid profile email',
    },
    {
      client_id: cliClientId,
      client_name: 'affidavit command',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', deviceGrant],
      redirect_uris: loopbackRedirects,
    },
    {
      client_id: agentClientId,
      client_name: 'Shop agent',
      client_secret: options.agentSecret,
      application_type: 'native',
      token_endpoint_auth_method: 'client_secret_basic',
      // The code grant lets its person sign in to it and consent.
      grant_types: ['authorization_code', 'client_credentials', tokenExchangeGrant],
      redirect_uris: loopbackRedirects,
    },
  ]
}
