import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import {
  decodeBackend,
  encodeBackend,
  encodeError,
} from '../../../../../services/edge/postgres/protocol/backend.ts'
import type { BackendMessage } from '../../../../../services/edge/postgres/protocol/backend.ts'
import { ProtocolError } from '../../../../../services/edge/postgres/protocol/error.ts'
import {
  decodeFrontend,
  encodeFrontend,
} from '../../../../../services/edge/postgres/protocol/frontend.ts'
import type { FrontendMessage } from '../../../../../services/edge/postgres/protocol/frontend.ts'
import {
  decodeStartup,
  encodeStartup,
  startupLength,
} from '../../../../../services/edge/postgres/protocol/startup.ts'
import type { StartupPacket } from '../../../../../services/edge/postgres/protocol/startup.ts'

const bytes = (constraints: fc.IntArrayConstraints = {}): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: 40, ...constraints }).map((array) => Buffer.from(array))
const textBytes = bytes({ min: 1 })
const name = textBytes.map((text) => text.toString('latin1'))
const words = fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\0', ' '))
const oid = fc.nat({ max: 0xffffffff })
const value = fc.option(bytes())
const format = fc.constantFrom(0, 1)
const parameters = fc.array(fc.record({ format, value }), { maxLength: 5 })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const int16 = fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })

const frontendMessage: fc.Arbitrary<FrontendMessage> = fc.oneof(
  fc.record({ type: fc.constant('query' as const), text: textBytes }),
  fc.record({
    type: fc.constant('parse' as const),
    statement: name,
    text: textBytes,
    parameterTypes: fc.array(oid, { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('bind' as const),
    portal: name,
    statement: name,
    parameters,
    resultFormats: fc.array(format, { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constantFrom('describe' as const, 'close' as const),
    of: fc.constantFrom('statement' as const, 'portal' as const),
    name,
  }),
  fc.record({ type: fc.constant('execute' as const), portal: name, maxRows: int32 }),
  fc.record({
    type: fc.constant('function-call' as const),
    oid,
    parameters,
    resultFormat: format,
  }),
  fc.record({ type: fc.constant('copy-data' as const), data: bytes() }),
  fc.record({ type: fc.constant('copy-fail' as const), reason: words }),
  fc.record({
    type: fc.constantFrom(
      'copy-done' as const,
      'flush' as const,
      'sync' as const,
      'terminate' as const,
    ),
  }),
  fc.record({ type: fc.constant('password' as const), body: bytes() }),
)

const backendMessage: fc.Arbitrary<BackendMessage> = fc.oneof(
  fc.record({
    type: fc.constant('authentication' as const),
    authentication: fc.oneof(
      fc.record({ method: fc.constantFrom('ok' as const, 'cleartext' as const) }),
      fc.record({
        method: fc.constant('md5' as const),
        salt: bytes({ minLength: 4, maxLength: 4 }),
      }),
      fc.record({
        method: fc.constant('sasl' as const),
        mechanisms: fc.array(
          words.filter((word) => word !== ''),
          { maxLength: 3 },
        ),
      }),
      fc.record({
        method: fc.constantFrom('sasl-continue' as const, 'sasl-final' as const),
        data: bytes(),
      }),
    ),
  }),
  fc.record({
    type: fc.constant('backend-key-data' as const),
    processId: int32,
    key: bytes({ minLength: 4, maxLength: 256 }),
  }),
  fc.record({ type: fc.constant('command-complete' as const), tag: words }),
  fc.record({ type: fc.constant('data-row' as const), values: fc.array(value, { maxLength: 5 }) }),
  fc.record({
    type: fc.constantFrom('error' as const, 'notice' as const),
    fields: fc
      .uniqueArray(fc.tuple(fc.constantFrom(...'SVCMDHPpqWstcdnFLR'.split('')), words), {
        selector: ([code]) => code,
        maxLength: 6,
      })
      .map((fields) => new Map(fields)),
  }),
  fc.record({
    type: fc.constant('negotiate-protocol-version' as const),
    minor: fc.nat({ max: 9 }),
    options: fc.array(words, { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('parameter-status' as const), name: words, value: words }),
  fc.record({
    type: fc.constant('ready-for-query' as const),
    status: fc.constantFrom('I' as const, 'T' as const, 'E' as const),
  }),
  fc.record({
    type: fc.constant('row-description' as const),
    columns: fc.array(
      fc.record({
        name: words,
        tableOid: oid,
        attributeNumber: int16,
        typeOid: oid,
        typeSize: int16,
        typeModifier: int32,
        format,
      }),
      { maxLength: 4 },
    ),
  }),
)

const startupPacket: fc.Arbitrary<StartupPacket> = fc.oneof(
  fc.record({ type: fc.constantFrom('ssl-request' as const, 'gssenc-request' as const) }),
  fc.record({
    type: fc.constant('cancel-request' as const),
    processId: int32,
    key: bytes({ minLength: 4, maxLength: 256 }),
  }),
  fc.record({
    type: fc.constant('startup' as const),
    major: fc.constantFrom(2, 3, 4),
    minor: fc.nat({ max: 9 }),
    parameters: fc
      .uniqueArray(
        fc.tuple(
          words.filter((word) => word !== ''),
          words,
        ),
        {
          selector: ([word]) => word,
          maxLength: 5,
        },
      )
      .map((entries) => new Map(entries)),
  }),
)

/** A record of fast-check has no prototype; what we decode has one. */
const plain = <T>(message: T): T => structuredClone(message)

test('every frontend message survives encoding and decoding', () => {
  fc.assert(
    fc.property(frontendMessage, (message) => {
      const encoded = encodeFrontend(message)
      const decoded = decodeFrontend(encoded[0] ?? 0, encoded, 0, encoded.length)
      assert.deepEqual(plain(decoded), plain(message))
    }),
  )
})

test('every backend message survives encoding and decoding', () => {
  fc.assert(
    fc.property(backendMessage, (message) => {
      const encoded = encodeBackend(message)
      const decoded = decodeBackend(encoded[0] ?? 0, encoded, 0, encoded.length)
      assert.deepEqual(plain(decoded), plain(message))
    }),
  )
})

test('every startup packet survives encoding and decoding', () => {
  fc.assert(
    fc.property(startupPacket, (packet) => {
      const encoded = encodeStartup(packet)
      assert.equal(startupLength(encoded), encoded.length)
      assert.deepEqual(plain(decodeStartup(encoded)), plain(packet))
    }),
  )
})

test('a message cut short is a protocol error, whatever surrounds it in the buffer', () => {
  fc.assert(
    fc.property(
      fc.oneof(frontendMessage.filter((m) => m.type !== 'copy-data' && m.type !== 'password')),
      fc.nat(),
      (message, at) => {
        const encoded = encodeFrontend(message)
        fc.pre(encoded.length > 5)
        const end = 5 + (at % (encoded.length - 5))
        assert.throws(() => decodeFrontend(encoded[0] ?? 0, encoded, 0, end), ProtocolError)
      },
    ),
  )
})

test('random bodies decode or throw a protocol error, never another fault', () => {
  fc.assert(
    fc.property(fc.nat({ max: 255 }), bytes({ maxLength: 80 }), (type, body) => {
      const message = Buffer.concat([Buffer.of(type, 0, 0, 0, 0), body])
      for (const decode of [decodeFrontend, decodeBackend]) {
        try {
          decode(type, message, 0, message.length)
        } catch (error) {
          assert.ok(error instanceof ProtocolError)
        }
      }
      try {
        decodeStartup(Buffer.concat([Buffer.alloc(4), body]))
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a startup parameter given twice is refused', () => {
  const packet = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 0, 3, 0, 0]),
    Buffer.from('user\0a\0user\0b\0\0'),
  ])
  assert.throws(() => decodeStartup(packet), ProtocolError)
})

test('startup lengths that cannot be are refused before anything is held', () => {
  assert.equal(startupLength(Buffer.of(0, 0, 0)), null)
  for (const length of [0, 4, 7, 10_001, 0xffffffff]) {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    assert.throws(() => startupLength(head), ProtocolError)
  }
})

test('an error of the edge carries the fields a client shows', () => {
  const encoded = encodeError({
    severity: 'ERROR',
    sqlState: '42601',
    message: 'syntax error at or near "selct"',
    position: 1,
  })
  const decoded = decodeBackend(encoded[0] ?? 0, encoded, 0, encoded.length)
  assert.equal(decoded?.type, 'error')
  assert.deepEqual(
    [...decoded.fields],
    [
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', '42601'],
      ['M', 'syntax error at or near "selct"'],
      ['P', '1'],
    ],
  )
})
