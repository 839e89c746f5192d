import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'

import * as fc from 'fast-check'
import { CompactSign, exportJWK, generateKeyPair, SignJWT } from 'jose'

import { tokenIssuer } from '../../../../../services/edge/guard/identity/token-issuer.ts'
import { TokenRefusal, TokenVerifier } from '../../../../../services/edge/guard/identity/tokens.ts'
import type { TokenRules } from '../../../../../services/edge/guard/identity/tokens.ts'

const nowMs = Date.UTC(2026, 10, 25)
const now = nowMs / 1000
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }
const issuer = 'https://issuer.test'
const keys = {
  ES256: await generateKeyPair('ES256'),
  RS256: await generateKeyPair('RS256'),
  foreign: await generateKeyPair('ES256'),
}
const server = createServer((_request, response) => {
  void Promise.all([
    exportJWK(keys.ES256.publicKey).then((jwk) => ({ ...jwk, kid: 'ES256', alg: 'ES256' })),
    exportJWK(keys.RS256.publicKey).then((jwk) => ({ ...jwk, kid: 'RS256', alg: 'RS256' })),
  ]).then((published) => response.end(JSON.stringify({ keys: published })))
})
let rules: TokenRules
let jwksUri: string

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  rules = {
    audience: 'affidavit',
    groupsClaim: 'groups',
    nameClaim: 'name',
    agents: [],
    services: [],
    algorithms: ['ES256'],
    longestLifeMs: 3_600_000,
    clockSkewMs: 30_000,
    tokenIdClaim: 'jti',
    isSingleUse: true,
  }
})

after(() => server.close())

const good = {
  iss: issuer,
  aud: 'affidavit',
  sub: 'olivia',
  iat: now - 5,
  exp: now + 600,
  jti: 'a',
}

interface Made {
  /** Undefined: it is left out. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: {
    readonly alg?: 'ES256' | 'RS256'
    readonly typ?: string
    readonly kid?: string
  }
  readonly key?: keyof typeof keys
}

function made({ claims = {}, header = {}, key = 'ES256' }: Made): Promise<string> {
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'ES256', ...header })
    .sign(keys[key].privateKey)
}

function verifierOf(by: TokenRules, keysAt = jwksUri): TokenVerifier {
  const known = tokenIssuer({ issuer, jwks_uri: keysAt })
  return new TokenVerifier(by, () => Promise.resolve(known), clock)
}

/** `taken`, or why it was not. */
async function judged(
  token: string,
  changes: Partial<TokenRules> = {},
  keysAt = jwksUri,
): Promise<string> {
  try {
    await verifierOf({ ...rules, ...changes }, keysAt).verify(token)
    return 'taken'
  } catch (error) {
    assert.ok(error instanceof TokenRefusal, String(error))
    return error.reason
  }
}

const cases: readonly (readonly [string, Made, string, Partial<TokenRules>?])[] = [
  ['as it should be', {}, 'taken'],
  ['of an access token by its type', { header: { typ: 'at+jwt' } }, 'taken'],
  ['of the long form of that type', { header: { typ: 'application/at+jwt' } }, 'taken'],
  ['of the type JWT', { header: { typ: 'JWT' } }, 'taken'],
  ['of a logout token', { header: { typ: 'logout+jwt' } }, 'type_differs'],
  ['for somebody else', { claims: { aud: 'bank' } }, 'claim aud check_failed'],
  ['for us among others', { claims: { aud: ['bank', 'affidavit'] } }, 'taken'],
  ['of another issuer', { claims: { iss: 'https://other.test' } }, 'claim iss check_failed'],
  ['that has ended', { claims: { exp: now - 1 } }, 'expired'],
  ['that ends this second', { claims: { exp: now } }, 'expired'],
  ['that ended long ago', { claims: { exp: now - 600 } }, 'expired'],
  ['that is not good yet', { claims: { nbf: now + 60 } }, 'claim nbf check_failed'],
  ['of a clock that is a little ahead', { claims: { nbf: now + 20, iat: now + 20 } }, 'taken'],
  ['from the future', { claims: { iat: now + 60 } }, 'issued_in_the_future'],
  ['that lives too long', { claims: { exp: now + 7200 } }, 'lives_too_long'],
  ['that does not say when it was issued', { claims: { iat: undefined } }, 'claim iat missing'],
  ['that never ends', { claims: { exp: undefined } }, 'claim exp missing'],
  ['of nobody', { claims: { sub: undefined } }, 'claim sub missing'],
  ['whose id is no text', { claims: { jti: 7 } }, 'token_id_malformed'],
  ['without an id, which is for the exchange to ask for', { claims: { jti: undefined } }, 'taken'],
  [
    'signed by an algorithm that is not on the list',
    { header: { alg: 'RS256', kid: 'RS256' }, key: 'RS256' },
    'algorithm_not_allowed',
  ],
  [
    'signed by one that was put on it',
    { header: { alg: 'RS256', kid: 'RS256' }, key: 'RS256' },
    'taken',
    { algorithms: ['RS256'] },
  ],
  ['signed by somebody else', { key: 'foreign' }, 'signature_wrong'],
  ['of a key that the issuer does not have', { header: { kid: 'other' } }, 'key_unknown'],
  [
    'whose chain of actors is too long',
    { claims: { act: nested(9) } },
    'the act claims are nested too deep',
  ],
  ['whose chain of actors is long', { claims: { act: nested(8) } }, 'taken'],
]

for (const [what, token, expected, changes] of cases) {
  test(`a token ${what}: ${expected}`, async () => {
    assert.equal(await judged(await made(token), changes), expected)
  })
}

test('a token is for the target that it is exchanged for', async () => {
  const verifier = verifierOf(rules)
  const token = await made({ claims: { aud: 'shop' } })
  assert.equal((await verifier.verify(token, 'shop')).actor.subject, 'olivia')
  await assert.rejects(verifier.verify(token, 'bank'), TokenRefusal)
  await assert.rejects(verifier.verify(token), TokenRefusal)
})

test('the id of a token is the claim that the configuration names', async () => {
  const verifier = verifierOf({ ...rules, tokenIdClaim: 'uti' })
  assert.equal((await verifier.verify(await made({ claims: { uti: 'b' } }))).tokenId, 'b')
})

test('an issuer whose keys cannot be had is told apart from a token that is wrong', async () => {
  assert.equal(await judged(await made({}), {}, 'http://127.0.0.1:1/'), 'keys_unavailable')
})

test('whatever the claims are, a token is taken for whom it names or refused', async () => {
  const name = fc.constantFrom(
    'sub',
    'aud',
    'iss',
    'exp',
    'iat',
    'nbf',
    'jti',
    'act',
    'groups',
    'name',
  )
  const value = fc.oneof(
    fc.json({ maxDepth: 2 }).map((text): unknown => JSON.parse(text)),
    fc.integer({ min: now - 90_000, max: now + 90_000 }),
    fc.constantFrom('olivia', 'affidavit', issuer, -0, 1e308, ''),
  )
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 3 }), async (changes) => {
      const payload = JSON.stringify({ ...good, ...changes })
      const token = await signedText(payload)
      const verifier = verifierOf(rules)
      try {
        const { actor, expiresAtMs } = await verifier.verify(token)
        assert.ok(expiresAtMs > nowMs && expiresAtMs <= nowMs + 3_600_000 + 30_000)
        const claims = JSON.parse(payload) as { sub: string; iss: string }
        const person = actor.on_behalf_of[0] ?? actor
        assert.deepEqual([person.subject, person.issuer], [claims.sub, claims.iss])
        assert.ok(actor.groups.every((group) => typeof group === 'string'))
      } catch (error) {
        assert.ok(error instanceof TokenRefusal, String(error))
      }
    }),
    { numRuns: 300 },
  )
})

/** Whatever the text is: the library refuses to sign what is no proper claim. */
async function signedText(payload: string): Promise<string> {
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: 'ES256', kid: 'ES256' })
    .sign(keys.ES256.privateKey)
}

function nested(depth: number): object {
  const inner = depth > 1 ? { act: nested(depth - 1) } : {}
  return { sub: `agent-${depth}`, ...inner }
}
