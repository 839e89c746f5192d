import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'

import { crc32c } from '../../../../../services/bus/adapters/kafka/crc32c.ts'
import {
  decodeHeaders,
  decodeRecord,
  encodeBatch,
  encodeBody,
} from '../../../../../services/bus/adapters/kafka/record-batch.ts'

/** What kafkajs makes of a batch, before anything of ours takes its place. */
const require = createRequire(import.meta.url)
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: object) => Promise<{ readonly buffer: Buffer }>
}
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (message: object) => {
  readonly buffer: Buffer
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const record = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 90 }), bytes, { maxKeys: 12 }),
})
const time = fc.integer({ min: 0, max: 2 ** 45 })

test('a batch is, byte for byte, what kafkajs itself would send', async () => {
  const property = fc.asyncProperty(
    fc.array(record, { minLength: 1, maxLength: 150 }),
    time,
    async (records, now) => {
      const bodies = records.map(({ key, value, headers }) => encodeBody(key, value, headers))
      const theirs = await RecordBatch({
        records: records.map((each, offsetDelta) =>
          // What is empty we send as a tombstone.
          encodeRecord({
            ...each,
            value: each.value.length === 0 ? null : each.value,
            offsetDelta,
          }),
        ),
        firstTimestamp: now,
        maxTimestamp: now,
        lastOffsetDelta: records.length - 1,
      })
      assert.deepEqual(encodeBatch(bodies, now), theirs.buffer)
    },
  )
  await fc.assert(property, { numRuns: 60 })
})

test('a record is read as kafkajs wrote it', () => {
  const property = fc.property(
    record,
    fc.nat(),
    time,
    ({ key, value, headers }, offsetDelta, timeDelta) => {
      const written = withoutLength(
        encodeRecord({ key, value, headers, offsetDelta, timestampDelta: timeDelta }).buffer,
      )
      const { headersAt, ...read } = decodeRecord(written)
      assert.deepEqual(read, { attributes: 0, timeDelta, offsetDelta, key, value })
      assert.deepEqual([...decodeHeaders(written, headersAt)], Object.entries(headers))
    },
  )
  fc.assert(property)
})

test('a key and a value of null, as of a tombstone, are read as null', () => {
  const { key, value } = decodeRecord(
    withoutLength(encodeRecord({ key: null, value: null }).buffer),
  )
  assert.deepEqual({ key, value }, { key: null, value: null })
})

test('a record that is cut anywhere, or goes on, is none', () => {
  const whole = withoutLength(
    encodeRecord({ key: Buffer.from('k'), value: Buffer.alloc(200), headers: { a: 'b' } }).buffer,
  )
  for (let end = 0; end < whole.length; end += 1) {
    assert.throws(() => decodeRecord(whole.subarray(0, end)), RangeError, `cut at ${end}`)
  }
  assert.throws(() => decodeRecord(Buffer.concat([whole, Buffer.alloc(1)])), RangeError)
})

test('the checksum is CRC-32C', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  const cases: readonly [Buffer, number][] = [
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
  ]
  for (const [input, expected] of cases) assert.equal(crc32c(input, 0, input.length), expected)
})

function withoutLength(written: Buffer): Buffer {
  let at = 0
  while ((written[at] ?? 0) >= 0x80) at += 1
  return written.subarray(at + 1)
}
