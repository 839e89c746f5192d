import assert from 'node:assert/strict'
import { test } from 'node:test'

import canonicalize from 'canonicalize'
import fc from 'fast-check'

import { LeafError, decodeLeaf, encodeLeaf } from '../../schemas/leaf.ts'
import type { EventLeaf, GenesisLeaf, Leaf, LossLeaf } from '../../schemas/leaf.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const count = fc.nat()

const base = { v: fc.constant(1 as const), log: text, seq: count, prev: text, rt: text }

const eventLeaf: fc.Arbitrary<EventLeaf> = fc.record(
  {
    ...base,
    type: fc.constant('event' as const),
    topic: text,
    part: count,
    off: fc.maxSafeNat(),
    poff: fc.integer({ min: -1 }),
    lepoch: fc.integer({ min: -1, max: 9 }),
    evt: text,
    et: text,
    prod: text,
    pseq: count,
    cty: text,
    csz: count,
    com: text,
    ix: fc.oneof(fc.record({ type: text }), fc.record({ type: text, outcome: text })),
    dupOf: count,
  },
  {
    requiredKeys: [
      'v',
      'log',
      'seq',
      'prev',
      'rt',
      'type',
      'topic',
      'part',
      'off',
      'poff',
      'lepoch',
      'evt',
      'et',
      'prod',
      'pseq',
      'cty',
      'csz',
      'com',
      'ix',
    ],
  },
)

const genesisLeaf: fc.Arbitrary<GenesisLeaf> = fc.record({
  ...base,
  type: fc.constant('genesis' as const),
  vkey: text,
  topic: text,
  part: count,
})

const lossLeaf: fc.Arbitrary<LossLeaf> = fc.record({
  ...base,
  type: fc.constant('loss' as const),
  topic: text,
  part: count,
  from: count,
  to: count,
  reason: text,
})

const anyLeaf: fc.Arbitrary<Leaf> = fc.oneof(eventLeaf, genesisLeaf, lossLeaf)

test('a leaf is what RFC 8785 makes of it, and decodes to itself', () => {
  fc.assert(
    fc.property(anyLeaf, (leaf) => {
      const bytes = encodeLeaf(leaf)
      assert.equal(bytes.toString(), canonicalize(leaf))
      assert.deepEqual(decodeLeaf(bytes), JSON.parse(JSON.stringify(leaf)))
    }),
  )
})

test('other spellings of the same leaf are refused', () => {
  const leaf = fc.sample(genesisLeaf, { numRuns: 1, seed: 1 })[0]!
  const bytes = encodeLeaf(leaf)
  assert.throws(() => decodeLeaf(Buffer.from(` ${bytes.toString()}`)), LeafError)
  assert.throws(() => decodeLeaf(Buffer.from(JSON.stringify({ ...leaf, extra: 1 }))), LeafError)
})

test('random bytes give a LeafError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((json) => Buffer.from(json)),
      ),
      (bytes) => {
        assert.throws(() => decodeLeaf(Buffer.from(bytes)), LeafError)
      },
    ),
  )
})

test('a leaf over 65,535 bytes is refused', () => {
  const leaf = fc.sample(genesisLeaf, { numRuns: 1, seed: 1 })[0]!
  assert.throws(() => encodeLeaf({ ...leaf, vkey: 'x'.repeat(65_536) }), /over the 65535/)
})
