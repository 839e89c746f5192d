import { isDeepStrictEqual } from 'node:util'

import { decodeBackend, encodeBackend } from '../../../services/edge/postgres/protocol/backend.ts'
import type { BackendMessage } from '../../../services/edge/postgres/protocol/backend.ts'
import { framedInEveryWay, readAlone } from '../framed.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const messages: readonly BackendMessage[] = [
  { type: 'authentication', authentication: { method: 'ok' } },
  { type: 'authentication', authentication: { method: 'cleartext' } },
  { type: 'authentication', authentication: { method: 'md5', salt: Buffer.alloc(4, 7) } },
  { type: 'authentication', authentication: { method: 'sasl', mechanisms: ['SCRAM-SHA-256'] } },
  { type: 'authentication', authentication: { method: 'sasl-continue', data: Buffer.from('r=') } },
  { type: 'authentication', authentication: { method: 'sasl-final', data: Buffer.from('v=') } },
  { type: 'backend-key-data', processId: 4711, key: Buffer.alloc(32, 9) },
  { type: 'command-complete', tag: 'SELECT 2' },
  { type: 'data-row', values: [Buffer.from('a'), null, Buffer.alloc(0)] },
  {
    type: 'error',
    fields: new Map([
      ['S', 'ERROR'],
      ['C', '42501'],
      ['M', 'no'],
    ]),
  },
  { type: 'notice', fields: new Map([['M', 'held']]) },
  { type: 'negotiate-protocol-version', minor: 2, options: ['_pq_.a'] },
  { type: 'parameter-status', name: 'TimeZone', value: 'UTC' },
  { type: 'ready-for-query', status: 'I' },
  {
    type: 'row-description',
    columns: [
      {
        name: 'ssn',
        tableOid: 16_384,
        attributeNumber: 2,
        typeOid: 25,
        typeSize: -1,
        typeModifier: -1,
        format: 0,
      },
    ],
  },
]

/** A stream of what targets answer: the first byte says where it is cut. */
export function createTarget(): Promise<FuzzTarget> {
  const encoded = messages.map(encodeBackend)
  const long = encodeBackend({ type: 'data-row', values: [Buffer.alloc(700, 'x')] })
  return Promise.resolve({
    maxBytes: 2_048,
    maxMs: 200,
    seeds: [...encoded, Buffer.concat([...encoded, long])].map(withPlace),
    words: wordsOf(`
    \x00 \x00\x00\x00\x04 \x00\x00\x00\x00 \xff\xff\xff\xff \x00\x02 D T E R Z
  `),
    covers: ['services/edge/postgres/protocol/'],
    run(input) {
      const places = [input[0] ?? 0, (input[0] ?? 0) * 7]
      const { messages, error } = framedInEveryWay(input.subarray(1), places)
      let outcome = error ?? 'cut'
      for (const { bytes, type, isWhole } of messages) {
        if (!isWhole) continue
        const read = readAlone(bytes, (within, start, end) =>
          decodeBackend(type, within, start, end),
        )
        if ('refusal' in read) outcome = read.refusal
        // What is only relayed is not read.
        if ('refusal' in read || read.value === null) continue
        const again = encodeBackend(read.value)
        const decoded = decodeBackend(type, again, 0, again.length)
        expect(
          isDeepStrictEqual(decoded, read.value),
          'written and read again it says something else',
        )
      }
      return outcome
    },
  })
}

function withPlace(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([3]), bytes])
}
