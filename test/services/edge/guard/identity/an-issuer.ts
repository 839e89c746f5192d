import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** An issuer that does as a test tells it: a discovery document, a key, and tokens of any claims. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string
  /** `away`: it answers 503. `silent`: it takes connections and answers nothing. */
  state: 'here' | 'away' | 'silent'
  /** Requests that it was sent. */
  readonly asked: number
  /** Claims that are undefined are left out. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>
}

export async function anIssuer(): Promise<TestIssuer> {
  const keys = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'key-1', alg: 'ES256' }
  let tokens = 0
  const server = createServer((request, response) => {
    issuer.asked += 1
    if (issuer.state === 'silent') return
    response.statusCode = issuer.state === 'away' ? 503 : 200
    response.setHeader('content-type', 'application/json')
    const isKeys = request.url === '/jwks'
    response.end(JSON.stringify(isKeys ? { keys: [jwk] } : discovery()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const discovery = () => ({
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
  const issuer = {
    url,
    state: 'here' as TestIssuer['state'],
    asked: 0,
    token(claims: Readonly<Record<string, unknown>> = {}) {
      const now = Math.floor(Date.now() / 1000)
      tokens += 1
      const payload = {
        iss: url,
        aud: 'shop',
        sub: 'olivia',
        iat: now,
        exp: now + 300,
        jti: `token-${tokens}`,
        groups: ['dba'],
        ...claims,
      }
      return new SignJWT(payload)
        .setProtectedHeader({ alg: 'ES256', kid: 'key-1' })
        .sign(keys.privateKey)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return issuer
}
