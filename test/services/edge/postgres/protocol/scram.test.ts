import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { deriveScramVerifier } from '../../../../../schemas/scram-verifier.ts'
import { ProtocolError } from '../../../../../services/edge/postgres/protocol/error.ts'
import {
  mockVerifier,
  ScramClient,
  ScramPassword,
  ScramServer,
} from '../../../../../services/edge/postgres/protocol/scram.ts'

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const verifier = deriveScramVerifier('pencil', salt)

function aServer(channelBinding: Buffer | null = null, plus = false): ScramServer {
  return new ScramServer({
    mechanism: plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    verifier,
    channelBinding,
    randomBytes,
  })
}

function aClient(password: string, channelBinding: Buffer | null = null): ScramClient {
  return new ScramClient({
    password: new ScramPassword(password),
    mechanism: channelBinding === null ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS',
    channelBinding,
    randomBytes,
  })
}

test('the exchange of RFC 7677 §3 comes out byte for byte', async () => {
  const nonces = ['rOprNGfwEbeRWgbNEkqO', '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0']
  const client = new ScramClient({
    password: new ScramPassword('pencil'),
    mechanism: 'SCRAM-SHA-256',
    channelBinding: null,
    randomBytes: () => ({ toString: () => nonces[0] ?? '' }) as unknown as Buffer,
  })
  // The RFC's example names a user; PostgreSQL's clients leave it empty, so the server side is driven by the RFC's own text.
  const server = new ScramServer({
    mechanism: 'SCRAM-SHA-256',
    verifier,
    channelBinding: null,
    randomBytes: () => ({ toString: () => nonces[1] ?? '' }) as unknown as Buffer,
  })
  assert.equal(
    server.first('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'),
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  )
  assert.equal(
    server.final(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ),
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  )
  assert.equal(client.first(), 'n,,n=,r=rOprNGfwEbeRWgbNEkqO')
})

test('client and server agree on the right password, and only on that', async () => {
  for (const binding of [null, randomBytes(32)]) {
    for (const [password, agrees] of [
      ['pencil', true],
      ['pencils', false],
    ] as const) {
      const server = aServer(binding, binding !== null)
      const client = aClient(password, binding)
      const serverFinal = server.final(await client.final(server.first(client.first())))
      assert.equal(serverFinal !== null, agrees)
      if (serverFinal !== null) client.verify(serverFinal)
    }
  }
})

test('a server that does not know the verifier is found out', async () => {
  const client = aClient('pencil')
  await client.final(aServer().first(client.first()))
  for (const answer of [`v=${randomBytes(32).toString('base64')}`, 'e=other-error', 'v=', '']) {
    assert.throws(() => client.verify(answer), ProtocolError)
  }
})

test('a bound exchange over another certificate is refused', async () => {
  const server = aServer(randomBytes(32), true)
  const client = aClient('pencil', randomBytes(32))
  const final = await client.final(server.first(client.first()))
  assert.throws(() => server.final(final), ProtocolError)
})

test('a client that was not shown our offer of channel binding is refused', () => {
  assert.throws(() => aServer(randomBytes(32)).first('y,,n=,r=abc'), ProtocolError)
  aServer(null).first('y,,n=,r=abc')
})

test('a nonce of ours that is not continued is refused', async () => {
  const client = aClient('pencil')
  client.first()
  await assert.rejects(client.final(`r=other,s=${verifier.salt},i=4096`), ProtocolError)
  await assert.rejects(client.final(`r=other,s=${verifier.salt},i=999999999`), ProtocolError)
})

test('an unknown user gets the same salt each time, another one than the next user', () => {
  const secret = randomBytes(32)
  assert.deepEqual(mockVerifier(secret, 'ann'), mockVerifier(secret, 'ann'))
  assert.notEqual(mockVerifier(secret, 'ann').salt, mockVerifier(secret, 'bob').salt)
  assert.equal(Buffer.from(mockVerifier(secret, 'ann').salt, 'base64').length, 16)
})

test('text that is no SCRAM is a protocol error', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (first, final) => {
      assert.throws(() => aServer().first(first), ProtocolError)
      const server = aServer()
      server.first('n,,n=,r=abc')
      assert.throws(() => server.final(final), ProtocolError)
    }),
  )
})
