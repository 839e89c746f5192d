import { deriveScramVerifier } from '../../../schemas/scram-verifier.ts'
import { ProtocolError } from '../../../services/edge/postgres/protocol/error.ts'
import {
  ScramClient,
  ScramPassword,
  ScramServer,
} from '../../../services/edge/postgres/protocol/scram.ts'
import type { ScramClientOptions } from '../../../services/edge/postgres/protocol/scram.ts'
import { expect, valueOrRefusal } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const salt = Buffer.alloc(16, 3)
const options: Omit<ScramClientOptions, 'password'> = {
  mechanism: 'SCRAM-SHA-256-PLUS',
  channelBinding: Buffer.alloc(32, 0xcb),
  randomBytes: (size) => Buffer.alloc(size, 2),
}

/**
 * The client's side of SCRAM: server-first-message, NUL, server-final-message. The client's nonce is always the same here. Whoever
 * fuzzes has no verifier, so that no other server can be taken for the right one.
 */
export async function createTarget(): Promise<FuzzTarget> {
  // One for all: it keeps the keys of one salt, as the edge's does.
  const password = new ScramPassword('the password of the target')
  const right = await rightExchange(password)
  return {
    maxBytes: 1_024,
    // A million rounds, which is the most that a server may ask for, take some tenths of a second.
    maxMs: 3_000,
    seeds: [right],
    words: wordsOf(`
    r= s= i= v= e= m= , = \x00 4096 0 -1 9999999
  `),
    covers: ['services/edge/postgres/protocol/'],
    async run(input) {
      const checked = await refusalOf(password, input)
      if (checked !== null) return checked
      const [first] = messagesOf(input)
      expect(
        first === messagesOf(right)[0],
        'a server without the verifier is taken for the target',
      )
      return 'right'
    },
  }
}

/** Null where the server is who it should be. */
async function refusalOf(password: ScramPassword, input: Buffer): Promise<string | null> {
  const client = new ScramClient({ ...options, password })
  const [first = '', final = ''] = messagesOf(input)
  client.first()
  try {
    const answer = await client.final(first)
    expect(/^c=[A-Za-z0-9+/=]+,r=[^,]+,p=[A-Za-z0-9+/]+=$/.test(answer), 'the answer has a form')
  } catch (error) {
    if (error instanceof ProtocolError) return error.message
    throw error
  }
  const checked = valueOrRefusal(() => client.verify(final), ProtocolError)
  return 'refusal' in checked ? checked.refusal : null
}

async function rightExchange(password: ScramPassword): Promise<Buffer> {
  const verifier = deriveScramVerifier('the password of the target', salt)
  const { mechanism, channelBinding } = options
  const randomBytes = (size: number): Buffer => Buffer.alloc(size, 1)
  const server = new ScramServer({ mechanism, verifier, channelBinding, randomBytes })
  const client = new ScramClient({ ...options, password })
  const first = server.first(client.first())
  const input = Buffer.from(`${first}\0${server.final(await client.final(first)) ?? ''}`, 'latin1')
  expect((await refusalOf(password, input)) === null, 'the right exchange is refused')
  return input
}

function messagesOf(input: Buffer): readonly string[] {
  return input.toString('utf8').split('\0')
}
