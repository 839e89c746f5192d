import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { JWTPayload } from 'jose'

import { tokenIssuer } from '../../../services/edge/guard/identity/token-issuer.ts'
import { TokenRefusal, TokenVerifier } from '../../../services/edge/guard/identity/tokens.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const issuer = 'https://issuer.test'
const audience = 'affidavit'
const nowMs = Date.UTC(2026, 10, 25)
const now = nowMs / 1000
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }

// PKCS #8 of an Ed25519 key (RFC 8410): always the same, so that its tokens can be kept.
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey)
const header = { alg: 'EdDSA', kid: 'key-1', typ: 'at+jwt' }
const claims = {
  iss: issuer,
  aud: audience,
  sub: 'olivia',
  exp: now + 600,
  nbf: now - 10,
  iat: now - 10,
  jti: 'token-1',
  client_id: 'cli',
  scope: 'openid',
  name: 'Olivia',
  groups: ['dba'],
  act: { sub: 'shop-agent', act: { sub: 'planner' } },
}

/**
 * An access token. After a first byte of `s`: header, NUL, claims, signed here with the issuer's key, so that only what they say can
 * be wrong with it. After any other: a token as it comes, right only if it is one that was made here.
 */
export async function createTarget(): Promise<FuzzTarget> {
  const keys = tokenIssuer({ issuer, jwks_uri: await servedKeys() })
  const verifier = new TokenVerifier(
    {
      audience,
      groupsClaim: 'groups',
      nameClaim: 'name',
      agents: ['shop-agent'],
      services: [],
      algorithms: ['EdDSA'],
      longestLifeMs: 86_400_000,
      clockSkewMs: 30_000,
      tokenIdClaim: 'jti',
      isSingleUse: true,
    },
    () => Promise.resolve(keys),
    clock,
  )
  const good = signed(JSON.stringify(header), JSON.stringify(claims))
  return {
    maxBytes: 2_048,
    maxMs: 1_000,
    seeds: [
      Buffer.from(`s${JSON.stringify(header)}\0${JSON.stringify(claims)}`),
      ...[good, withoutSignature(), bySharedSecret()].map((token) => Buffer.from(`t${token}`)),
    ],
    words: wordsOf(`
    "alg":"none" "alg":"HS256" "alg":"ES256" "alg":"Ed25519" "crit":["b64"] "b64":false "kid":
    "jwk":{} "jku":"http://127.0.0.1:1/" "iss": "aud": "sub": "sub":"", "sub":7, "sub":{},
    "act":{"sub":""}, "act":{"sub":"x","iss":7}, "jti":7, "exp": "nbf": "act":{"sub":"x"} "groups": null [] {} "" 1e400 -1 1764028800
    "__proto__": . = \x00 , : " { }
  `),
    covers: ['services/edge/guard/identity/', 'node_modules/jose/'],
    async run(input) {
      const isSigned = input[0] === 0x73
      const text = input.subarray(1).toString('utf8')
      const [head = '', body = ''] = text.split('\0')
      try {
        const token = isSigned ? signed(head, body) : text
        const { actor, tokenId, expiresAtMs } = await verifier.verify(token)
        expect(isSigned || isSameToken(token, good), 'a token that nobody made is taken for one')
        const said = isSigned ? (JSON.parse(body) as JWTPayload) : claims
        expect(isInOrder(said), 'a token is taken that is not for us, or not now')
        expect(tokenId === null || typeof tokenId === 'string', 'its id is no text')
        expect(expiresAtMs > nowMs && expiresAtMs <= nowMs + 86_430_000, 'it lives too long')
        for (const { subject, issuer: by } of [actor, ...actor.on_behalf_of]) {
          expect(typeof subject === 'string' && subject !== '', 'somebody without a name acts')
          expect(typeof by === 'string' && by !== '', 'nobody says who acts')
        }
        return `${actor.kind} for ${actor.on_behalf_of.length}`
      } catch (error) {
        if (error instanceof TokenRefusal) return error.message
        throw error
      }
    },
  }
}

const skew = 30

function isInOrder({ iss, aud, sub, iat, exp, nbf }: JWTPayload): boolean {
  return (
    iss === issuer &&
    (aud === audience || (Array.isArray(aud) && aud.includes(audience))) &&
    typeof sub === 'string' &&
    typeof exp === 'number' &&
    exp > now &&
    (nbf === undefined || (typeof nbf === 'number' && nbf <= now + skew)) &&
    typeof iat === 'number' &&
    iat <= now + skew &&
    exp - iat <= 86_400
  )
}

function signed(head: string, body: string): string {
  const text = `${base64url(head)}.${base64url(body)}`
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}

/** The same text and the same signature, which may be written in more than one way. */
function isSameToken(token: string, other: string): boolean {
  const [at, ofOther] = [token.lastIndexOf('.'), other.lastIndexOf('.')]
  const signature = Buffer.from(token.slice(at + 1), 'base64url')
  return (
    token.slice(0, at) === other.slice(0, ofOther) &&
    signature.equals(Buffer.from(other.slice(ofOther + 1), 'base64url'))
  )
}

function withoutSignature(): string {
  return `${base64url(JSON.stringify({ alg: 'none' }))}.${base64url(JSON.stringify(claims))}.`
}

/** The public key taken for a shared secret. */
function bySharedSecret(): string {
  const text = `${base64url(JSON.stringify({ ...header, alg: 'HS256' }))}.${base64url(JSON.stringify(claims))}`
  const secret = publicKey.export({ format: 'pem', type: 'spki' })
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Where the issuer's keys are served, for as long as the thread lives. */
async function servedKeys(): Promise<string> {
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: header.kid, use: 'sig' }]
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
