import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeBatches,
  readBatch,
  readBatchKey,
} from '../../../../../services/bus/adapters/embedded/record-batch.ts'
import type { BusRecord } from '../../../../../services/bus/bus.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const name = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('__proto__'))
const headers = fc
  .array(fc.tuple(name, bytes), { maxLength: 5 })
  .map((list) => Object.fromEntries(list))
const records = fc.array(fc.record({ value: bytes, headers }, { noNullPrototype: true }), {
  minLength: 1,
  maxLength: 20,
})

test('what is written is read again, bytes, names and order', () => {
  fc.assert(
    fc.property(bytes, records, (key, records) => {
      assert.deepEqual(roundTrip(key, records), { key, records })
    }),
  )
})

test('many and large records are split into rows and come back in order', () => {
  const records = Array.from({ length: 2_500 }, (_, index) => ({
    value: Buffer.alloc(index % 100 === 0 ? 300_000 : 10, index % 251),
    headers: { [`name-${index % 300}`]: Buffer.from([index % 256]) },
  }))
  const key = Buffer.from('key')
  assert.ok(encodeBatches(key, records).length > 3)
  assert.ok(encodeBatches(key, records).every(({ bytes }) => bytes.length <= (1 << 20) + 10_000))
  assert.deepEqual(roundTrip(key, records), { key, records })
})

test('bytes that are no batch are refused with a RangeError and nothing else', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 0, max: 5 }),
      (noise, count) => {
        noise[0] = 1
        try {
          readBatch(noise, count)
        } catch (error) {
          assert.ok(error instanceof RangeError)
        }
      },
    ),
  )
})

test('a batch that is cut short anywhere is refused', () => {
  const [batch] = encodeBatches(Buffer.from('key'), [
    { value: Buffer.from('value'), headers: { name: Buffer.from('x') } },
  ])
  assert.ok(batch)
  const whole = batch.bytes
  for (let length = 0; length < whole.length; length += 1) {
    assert.throws(() => readBatch(whole.subarray(0, length), 1), RangeError)
  }
})

function roundTrip(
  key: Buffer,
  records: readonly BusRecord[],
): { key: Buffer; records: BusRecord[] } {
  const read: BusRecord[] = []
  for (const { count, bytes } of encodeBatches(key, records)) {
    const batch = readBatch(bytes, count)
    assert.deepEqual(batch.key, key)
    assert.deepEqual(readBatchKey(bytes), key)
    read.push(...batch.records)
  }
  return { key, records: read }
}
