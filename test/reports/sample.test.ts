import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { drawSample, sampleSeed, sampleSize, upperBound } from '../../reports/sample.ts'

const inputs = {
  tenant: 'shop',
  reportId: 'r1',
  checkpoints: [{ origin: 'log', size: 3, root: Buffer.alloc(32, 1) }],
  populationDigest: 'ab'.repeat(32),
  assessorNonce: null,
}

test('the seed is the digest of the lines that the contract names', () => {
  // printf 'evidence-sample/v1\nshop\nr1\nlog\n3\n01…01\nab…ab\n-\n' | sha256sum
  assert.equal(
    sampleSeed(inputs).toString('hex'),
    '315516abcad269cd09fc4d433bf7158fa02b9464ac44ea70a079b34b72c7b507',
  )
  const other = sampleSeed({ ...inputs, assessorNonce: 'dice' })
  assert.notDeepEqual(other, sampleSeed(inputs))
})

const population = fc
  .array(fc.constantFrom('a / low', 'a / refused', 'b / low', 'b / high'), { maxLength: 400 })
  .map((strata) => strata.map((stratum, index) => ({ id: `event-${index}`, stratum })))

test('a sample is in the order of the population, without repeats, and at least five of each stratum', () => {
  fc.assert(
    fc.property(population, fc.uint8Array({ minLength: 32, maxLength: 32 }), (given, seed) => {
      const { strata, chosen } = drawSample(Buffer.from(seed), given)
      const places = chosen.map(({ at }) => at)
      assert.deepEqual(
        places,
        [...new Set(places)].sort((one, other) => one - other),
      )
      assert.ok(chosen.length >= Math.min(sampleSize, given.length))
      for (const { stratum, population, sample } of strata) {
        assert.equal(given.filter((each) => each.stratum === stratum).length, population)
        assert.equal(places.filter((at) => given[at]?.stratum === stratum).length, sample)
        assert.ok(sample >= Math.min(5, population))
      }
    }),
  )
})

test('the smallest tickets win', () => {
  const given = Array.from({ length: 200 }, (_, index) => ({ id: `${index}`, stratum: 'one' }))
  const seed = sampleSeed(inputs)
  const { chosen } = drawSample(seed, given)
  assert.equal(chosen.length, sampleSize)
  const most =
    chosen
      .map(({ ticket }) => ticket)
      .sort()
      .at(-1) ?? ''
  const left = given.filter((_, at) => !chosen.some((each) => each.at === at))
  // What is left draws larger tickets: with these alone the smallest of them is beyond the largest that won.
  const next = drawSample(seed, left.slice(0, sampleSize)).chosen.map(({ ticket }) => ticket)
  assert.ok(next.every((ticket) => ticket > most))
})

test('with no deviation among 59 the rate is below 5 %, with 95 % confidence', () => {
  assert.ok(upperBound(0, 59) < 0.05 && upperBound(0, 58) > 0.05)
  // 1 - 0.05^(1/59)
  assert.ok(Math.abs(upperBound(0, 59) - (1 - 0.05 ** (1 / 59))) < 1e-9)
  assert.ok(upperBound(1, 59) > upperBound(0, 59))
  assert.equal(upperBound(0, 0), 1)
})
