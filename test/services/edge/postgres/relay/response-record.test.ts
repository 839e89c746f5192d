import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { defaultLimits } from '../../../../../services/edge/postgres/limits.ts'
import { ResponseRecord } from '../../../../../services/edge/postgres/relay/response-record.ts'

const limits = { ...defaultLimits, inlineResultBytes: 100, recordedChunkBytes: 150 }

test('digest and content of a result do not depend on how it arrived', () => {
  const chunks = fc.array(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 5 }), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(chunks, fc.nat({ max: 1_000 }), fc.boolean(), (chunks, maxBytes, isCopy) => {
      const recorded: Buffer[] = []
      const numbers: number[] = []
      const record = new ResponseRecord(limits, maxBytes, (chunk, encoding, content) => {
        assert.equal(encoding, isCopy ? 'copy' : 'postgres')
        numbers.push(chunk)
        recorded.push(Buffer.from(content))
      })
      for (const messages of chunks) {
        const bytes = Buffer.concat(messages)
        let at = 0
        for (const message of messages) {
          const end = at + message.length
          if (isCopy) record.addCopyData(bytes, at, end)
          else record.add(bytes, at, end)
          at = end
        }
        record.suspend()
        // The chunk was only lent.
        bytes.fill(0xee)
      }
      const { sha256, content, chunk, isTruncated } = record.finish()
      const whole = Buffer.concat(chunks.flat())
      if (content !== null) {
        numbers.push(chunk)
        recorded.push(content)
      }
      if (whole.length > 0) assert.deepEqual(sha256, createHash('sha256').update(whole).digest())
      assert.deepEqual(Buffer.concat(recorded), whole.subarray(0, maxBytes))
      assert.deepEqual(numbers, [...numbers.keys()])
      assert.equal(isTruncated, maxBytes > 0 && whole.length > maxBytes)
      assert.ok(!isTruncated || content !== null, 'truncation shows')
    }),
  )
})

test('a small result in one chunk is not copied', () => {
  const record = new ResponseRecord(limits, 1_000, () => assert.fail('nothing to give away'))
  const bytes = Buffer.from('..result..')
  record.add(bytes, 2, 5)
  record.add(bytes, 5, 8)
  const { content, sha256 } = record.finish()
  assert.equal(content?.buffer, bytes.buffer)
  assert.equal(content.toString(), 'result')
  assert.deepEqual(sha256, createHash('sha256').update('result').digest())
})

test('a request without a result has neither digest nor content', () => {
  const { sha256, content } = new ResponseRecord(limits, 1_000, () => undefined).finish()
  assert.deepEqual([sha256, content], [null, null])
})
