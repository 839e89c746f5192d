import { deriveScramVerifier } from '../../../schemas/scram-verifier.ts'
import { ProtocolError } from '../../../services/edge/postgres/protocol/error.ts'
import { decodeSaslInitial } from '../../../services/edge/postgres/protocol/sasl.ts'
import {
  ScramClient,
  ScramPassword,
  ScramServer,
} from '../../../services/edge/postgres/protocol/scram.ts'
import type { ScramMechanism } from '../../../services/edge/postgres/protocol/scram.ts'
import { readAlone } from '../framed.ts'
import { expect, valueOrRefusal } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget, Read } from '../fuzz-target.ts'

const verifier = deriveScramVerifier('a session password', Buffer.alloc(16, 3))
const password = new ScramPassword('a session password')
const binding = Buffer.alloc(32, 0xcb)
const serverNonce = (size: number): Buffer => Buffer.alloc(size, 1)

interface Setting {
  readonly mechanism: ScramMechanism
  readonly channelBinding: Buffer | null
}

// By the first byte of the input.
const settings: readonly Setting[] = [
  { mechanism: 'SCRAM-SHA-256', channelBinding: null },
  { mechanism: 'SCRAM-SHA-256', channelBinding: binding },
  { mechanism: 'SCRAM-SHA-256-PLUS', channelBinding: binding },
]

/**
 * The server's side of SCRAM: setting, client-first-message, NUL, client-final-message. The server's nonce is always the same here, so
 * that an exchange can be replayed; nobody who fuzzes has the password, so no other exchange can be right.
 */
export async function createTarget(): Promise<FuzzTarget> {
  const right = await Promise.all(settings.map((_, index) => rightExchange(index)))
  return {
    maxBytes: 1_024,
    maxMs: 100,
    seeds: right,
    words: wordsOf(`
    n,, y,, p=tls-server-end-point,, p=tls-unique,, a= m= n= r= c= p= s= i= e= v= , = \x00 biws
    eSws SCRAM-SHA-256
  `),
    covers: ['services/edge/postgres/protocol/'],
    run(input) {
      readAlone(input, (within, start, end) => decodeSaslInitial(within.subarray(start, end)))
      const exchange = signatureFor(input)
      if ('refusal' in exchange) return exchange.refusal
      if (exchange.value === null) return 'wrong proof'
      // Other ways to write the same proof prove the same; everything else is under it.
      const wasMade = right.some((one) => isSameButForm(one, input))
      expect(wasMade, 'a proof that nobody made is taken for one')
      return 'right'
    },
  }
}

function signatureFor(input: Buffer): Read<string | null> {
  const { mechanism, channelBinding } = settingOf(input)
  const server = new ScramServer({ mechanism, verifier, channelBinding, randomBytes: serverNonce })
  const [first = '', final = ''] = messagesOf(input)
  return valueOrRefusal(() => {
    server.first(first)
    return server.final(final)
  }, ProtocolError)
}

async function rightExchange(index: number): Promise<Buffer> {
  const { mechanism, channelBinding } = settings[index] ?? settingOf(Buffer.alloc(0))
  const randomBytes = (size: number): Buffer => Buffer.alloc(size, 2)
  const server = new ScramServer({ mechanism, verifier, channelBinding, randomBytes: serverNonce })
  const client = new ScramClient({ password, mechanism, channelBinding, randomBytes })
  const first = client.first()
  const final = await client.final(server.first(first))
  const input = Buffer.from(`${String.fromCharCode(index)}${first}\0${final}`, 'latin1')
  const signature = signatureFor(input)
  expect('value' in signature && signature.value !== null, 'the right exchange is refused')
  return input
}

function settingOf(input: Buffer): Setting {
  const setting = settings[(input[0] ?? 0) % settings.length]
  if (setting === undefined) throw new RangeError('no such setting')
  return setting
}

function messagesOf(input: Buffer): readonly string[] {
  return input.subarray(1).toString('utf8').split('\0')
}

function isSameButForm(one: Buffer, other: Buffer): boolean {
  const [firstOfOne = '', finalOfOne = ''] = messagesOf(one)
  const [first = '', final = ''] = messagesOf(other)
  const cut = final.lastIndexOf(',p=')
  const cutOfOne = finalOfOne.lastIndexOf(',p=')
  const proofOf = (text: string, at: number): Buffer => Buffer.from(text.slice(at + 3), 'base64')
  return (
    settingOf(one) === settingOf(other) &&
    first === firstOfOne &&
    final.slice(0, cut) === finalOfOne.slice(0, cutOfOne) &&
    proofOf(final, cut).equals(proofOf(finalOfOne, cutOfOne))
  )
}
