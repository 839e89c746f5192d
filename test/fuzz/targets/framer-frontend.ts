import { isDeepStrictEqual } from 'node:util'

import {
  decodeFrontend,
  encodeFrontend,
} from '../../../services/edge/postgres/protocol/frontend.ts'
import type { FrontendMessage } from '../../../services/edge/postgres/protocol/frontend.ts'
import { framedInEveryWay, readAlone } from '../framed.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const messages: readonly FrontendMessage[] = [
  { type: 'query', text: Buffer.from('SELECT 1') },
  { type: 'parse', statement: 's', text: Buffer.from('SELECT $1'), parameterTypes: [23, 25] },
  {
    type: 'bind',
    portal: '',
    statement: 's',
    parameters: [
      { format: 1, value: Buffer.from([0, 0, 0, 7]) },
      { format: 0, value: null },
    ],
    resultFormats: [1, 0],
  },
  { type: 'describe', of: 'portal', name: '' },
  { type: 'close', of: 'statement', name: 's' },
  { type: 'execute', portal: '', maxRows: 5 },
  {
    type: 'function-call',
    oid: 1,
    parameters: [{ format: 0, value: Buffer.from('a') }],
    resultFormat: 0,
  },
  { type: 'copy-data', data: Buffer.alloc(600, 'row') },
  { type: 'copy-fail', reason: 'no' },
  { type: 'copy-done' },
  { type: 'flush' },
  { type: 'sync' },
  { type: 'password', body: Buffer.from('SCRAM') },
  { type: 'terminate' },
]

/** A stream of what clients send: the first byte says where it is cut. */
export function createTarget(): Promise<FuzzTarget> {
  const encoded = messages.map(encodeFrontend)
  return Promise.resolve({
    maxBytes: 2_048,
    maxMs: 200,
    seeds: [...encoded, Buffer.concat(encoded.slice(0, 7))].map(withPlace),
    words: wordsOf(`
    \x00 \x00\x00\x00\x04 \x00\x00\x00\x00 \xff\xff\xff\xff \x00\x01\x00\x01 S P B
  `),
    covers: ['services/edge/postgres/protocol/'],
    run(input) {
      const places = [input[0] ?? 0, (input[0] ?? 0) * 7]
      const { messages, error } = framedInEveryWay(input.subarray(1), places)
      let outcome = error ?? 'cut'
      for (const { bytes, type, isWhole } of messages) {
        if (!isWhole) continue
        const read = readAlone(bytes, (within, start, end) =>
          decodeFrontend(type, within, start, end),
        )
        if ('refusal' in read) outcome = read.refusal
        if ('refusal' in read) continue
        const again = encodeFrontend(read.value)
        const decoded = decodeFrontend(type, again, 0, again.length)
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
