import { isDeepStrictEqual } from 'node:util'

import { ProtocolError } from '../../../services/edge/postgres/protocol/error.ts'
import {
  decodeStartup,
  encodeStartup,
  maxStartupBytes,
  startupLength,
} from '../../../services/edge/postgres/protocol/startup.ts'
import type { StartupPacket } from '../../../services/edge/postgres/protocol/startup.ts'
import { readStartupParameters } from '../../../services/edge/postgres/sign-in/startup-parameters.ts'
import { readAlone } from '../framed.ts'
import { expect, valueOrRefusal } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

function startup(parameters: readonly (readonly [string, string])[]): StartupPacket {
  return { type: 'startup', major: 3, minor: 2, parameters: new Map(parameters) }
}

const packets: readonly StartupPacket[] = [
  { type: 'ssl-request' },
  { type: 'gssenc-request' },
  { type: 'cancel-request', processId: 1, key: Buffer.alloc(32, 5) },
  startup([
    ['user', 'agent'],
    ['database', 'shop'],
    ['application_name', 'psql'],
    ['client_encoding', "'UTF8'"],
    ['DateStyle', 'ISO'],
    ['_pq_.greased', '1'],
  ]),
  startup([
    ['user', 'agent'],
    ['options', '-c search_path=shop\\ x --statement-timeout=5 -cTimeZone=UTC'],
    ['replication', 'off'],
  ]),
]

const allowed: ReadonlySet<string> = new Set([
  'DateStyle',
  'TimeZone',
  'IntervalStyle',
  'extra_float_digits',
  'search_path',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'default_transaction_read_only',
  'default_transaction_isolation',
])

/** The packet that comes before the protocol proper, and what it asks for. */
export function createTarget(): Promise<FuzzTarget> {
  return Promise.resolve({
    maxBytes: 2_048,
    maxMs: 100,
    seeds: packets.map(encodeStartup),
    words: wordsOf(`
    user database options replication client_encoding search_path _pq_. standard_conforming_strings
    USER -c -- = \\ \x00 SQL_ASCII \x04\xd2\x16/ \x04\xd2\x16. \x04\xd2\x160 \x00\x03\x00\x02
    \x00\x00\x00\x08
  `),
    covers: ['services/edge/postgres/protocol/', 'services/edge/postgres/startup-parameters'],
    run(input) {
      const length = valueOrRefusal(() => startupLength(input), ProtocolError)
      expect('refusal' in length || (length.value ?? 0) <= maxStartupBytes, 'it is too long')
      // As if its length were right: few mutations leave it so.
      const packet = readAlone(input, (within, start, end) =>
        decodeStartup(within.subarray(start, end)),
      )
      if ('refusal' in packet) return packet.refusal
      const again = decodeStartup(encodeStartup(packet.value))
      expect(
        isDeepStrictEqual(again, packet.value),
        'written and read again it says something else',
      )
      const { value } = packet
      return value.type === 'startup' ? checkedParameters(value.parameters) : value.type
    },
  })
}

function checkedParameters(parameters: ReadonlyMap<string, string>): string {
  const outcome = readStartupParameters(parameters)
  if (!outcome.ok) {
    expect(/^[0-9A-Z]{5}$/.test(outcome.sqlState), 'a refusal names its SQLSTATE')
    expect(/^[\x20-\x7e]*$/.test(outcome.message), 'a refusal quotes what is not printable')
    return outcome.message.replace(/"[^"]*"/, '')
  }
  expect(outcome.user !== '', 'nobody signs in')
  for (const name of outcome.settings.keys()) {
    expect(allowed.has(name), `${name} goes on to the target`)
  }
  return [...outcome.settings.keys(), outcome.database === null].join(' ')
}
