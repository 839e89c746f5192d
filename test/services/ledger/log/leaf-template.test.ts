import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { decodeLeaf, encodeLeaf } from '../../../../schemas/leaf.ts'
import { LeafTemplate } from '../../../../services/ledger/log/leaf-template.ts'
import { formatMicroseconds, parseMicroseconds } from '../../../../services/ledger/log/timestamp.ts'

// Names with everything that JSON escapes, lone surrogates included.
const text = fc.string({ unit: 'binary', maxLength: 20 })
const loneSurrogates = fc.constantFrom('\ud800', 'a\udc00b', '\u2028"\\\u0001\u007f')
const name = fc.oneof(text, loneSurrogates, fc.string())

const fields = fc.record({
  off: fc.maxSafeNat(),
  lepoch: fc.integer({ min: -1, max: 1000 }),
  evt: name,
  et: fc.constantFrom('', '2026-11-25T16:00:00.123456Z'),
  prod: name,
  pseq: fc.integer({ min: -1 }),
  cty: name,
  csz: fc.nat(),
  com: fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((b) => Buffer.from(b).toString('base64')),
  ixType: name,
  ixOutcome: fc.option(name),
  dupOf: fc.option(fc.maxSafeNat()),
})

test('leaves are the bytes that the schema’s encoder writes, whatever came before', () => {
  fc.assert(
    fc.property(
      name,
      name,
      fc.nat(99),
      fc.array(fields, { maxLength: 6 }),
      (log, topic, part, all) => {
        const template = new LeafTemplate(log, topic, part)
        all.forEach((event, seq) => {
          const rt = formatMicroseconds(1_700_000_000_000_000 + seq)
          template.setLedgerTime(rt)
          const { ixType, ixOutcome, dupOf, ...rest } = event
          const prev = Buffer.alloc(32, seq).toString('base64')
          const expected = encodeLeaf({
            v: 1,
            type: 'event',
            log,
            topic,
            part,
            seq,
            prev,
            rt,
            poff: seq - 1,
            ix: ixOutcome === null ? { type: ixType } : { type: ixType, outcome: ixOutcome },
            ...(dupOf === null ? {} : { dupOf }),
            ...rest,
          })
          const bytes = Buffer.from(template.event(event, seq, prev, seq - 1))
          assert.deepEqual(bytes.toString(), expected.toString())
          decodeLeaf(bytes)
        })
      },
    ),
  )
})

test('times keep their microseconds both ways', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (us) => {
      const formatted = formatMicroseconds(us)
      assert.equal(parseMicroseconds(formatted), us)
      assert.equal(
        new Date(Math.floor(us / 1000)).toISOString().slice(0, -1),
        formatted.slice(0, 23),
      )
    }),
  )
  for (const wrong of ['', '2026-11-25T16:00:00Z', '2026-13-25T16:00:00.000000Z']) {
    assert.equal(parseMicroseconds(wrong), null)
  }
})
