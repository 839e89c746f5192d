import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import {
  commitFrameBytes,
  readCommit,
  writeCommitFrame,
} from '../../../../services/ledger/log/commit.ts'
import { LedgerError } from '../../../../services/ledger/error.ts'
import {
  closeFrame,
  frameAt,
  frameHeaderBytes,
  frameType,
} from '../../../../services/ledger/log/frame.ts'
import { walkFrames } from '../../../../services/ledger/log/recovery.ts'
import {
  decodeSegmentHeader,
  encodeSealFooter,
  encodeSegmentHeader,
  firstSeqOfName,
  readSealFooter,
  segmentName,
} from '../../../../services/ledger/log/segment.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const commit = fc
  .record({
    nextOffset: fc.bigInt({ min: -1n, max: 2n ** 62n }),
    lastOffset: fc.bigInt({ min: -1n, max: 2n ** 62n }),
    leaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    firstSeq: fc.maxSafeNat(),
    records: fc.integer({ min: 1, max: 4096 }),
    root: hash,
    chainHead: hash,
    writerEpoch: fc.maxSafeNat(),
  })
  .map(({ records, ...rest }) => ({ ...rest, size: rest.firstSeq + records }))
  .filter(({ size }) => Number.isSafeInteger(size))

test('a commit frame is read as it was written, and no changed byte passes', () => {
  fc.assert(
    fc.property(commit, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, seed, mask) => {
      const bytes = Buffer.alloc(commitFrameBytes)
      writeCommitFrame(written, bytes, 0)
      const frame = frameAt(bytes, 0)
      assert.ok(frame)
      assert.deepEqual(readCommit(bytes.subarray(frame.checkedStart + 1, frame.end)), written)
      const at = seed % bytes.length
      bytes[at] = (bytes[at] ?? 0) ^ mask
      assert.equal(frameAt(bytes, 0), null)
    }),
  )
})

test('segment headers and footers are read as they were written', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.maxSafeNat(), hash, (name, firstSeq, root) => {
      const header = { origin: name.toWellFormed(), firstSeq }
      const bytes = encodeSegmentHeader(header)
      assert.deepEqual(decodeSegmentHeader(Buffer.concat([bytes, root])), {
        header,
        end: bytes.length,
      })
      for (let length = 0; length < bytes.length; length += 7) {
        assert.equal(decodeSegmentHeader(bytes.subarray(0, length)), null)
      }
      const footer = encodeSealFooter({ size: firstSeq, root })
      assert.deepEqual(readSealFooter(footer.subarray(frameHeaderBytes)), { size: firstSeq, root })
      assert.equal(firstSeqOfName(segmentName(firstSeq)), firstSeq)
    }),
  )
})

test('any bytes are either walked up to a commit or refused as corrupt, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
      const bytes = Buffer.from(garbage)
      try {
        const frames = walkFrames('seg', bytes, 0, 0)
        assert.equal(frames.end, 0)
      } catch (error) {
        assert.ok(error instanceof LedgerError)
      }
    }),
  )
})

test('a frame of zeros, as an extended file holds them, is no frame', () => {
  assert.equal(frameAt(Buffer.alloc(100), 0), null)
})

test('a length over the limit or beyond the end is no frame', () => {
  const bytes = Buffer.alloc(frameHeaderBytes + 10)
  closeFrame(bytes, 0, frameType.record, 10)
  assert.ok(frameAt(bytes, 0))
  assert.equal(frameAt(bytes.subarray(0, -1), 0), null)
  bytes.writeUInt32BE(0xffff_ffff, 0)
  assert.equal(frameAt(bytes, 0), null)
})
