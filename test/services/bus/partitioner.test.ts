import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { murmur2, partitionOf } from '../../../services/bus/partitioner.ts'

// From the tests of Apache Kafka's Java client (UtilsTest), Apache-2.0.
const vectors = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['abc', 479470107],
] as const

for (const [text, hash] of vectors) {
  test(`the hash of ${text} is the one that Kafka computes`, () => {
    assert.equal(murmur2(Buffer.from(text)), hash)
  })
}

test('a partition is within the count, also where the hash is negative', () => {
  assert.equal(partitionOf(Buffer.from('21'), 12), (-973932308 & 0x7fffffff) % 12)
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 100 }), (key, partitions) => {
      const partition = partitionOf(key, partitions)
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions)
    }),
  )
})
