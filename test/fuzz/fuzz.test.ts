import assert from 'node:assert/strict'
import { test } from 'node:test'

import { inputOf, lineOf, readCorpus } from './corpus-file.ts'
import { fuzz } from './fuzz-run.ts'
import { targetsOf } from './targets.ts'

// Each target replays what is kept of it, and goes on from there for a moment. `npm run test:fuzz` takes its time.
for (const { name, module } of targetsOf([])) {
  test(`${name}: nothing is found from the corpus on`, async () => {
    const inputs = readCorpus(name)
    assert.ok(inputs.length > 0, 'there is no corpus')
    const { executions, corpus, findings } = await fuzz({ module, inputs, seconds: 0.5, seed: 1 })
    const found = findings.map(
      ({ kind, message, input }) => `${kind} by ${lineOf(Buffer.from(input))}: ${message}`,
    )
    assert.deepEqual(found, [])
    assert.ok(executions > inputs.length)
    assert.ok(corpus.length > 1, 'no input is told from another')
  })
}

const planted = new URL('planted-faults.ts', import.meta.url).href

test('a fault that only code deep inside has is found, and told by its input', async () => {
  const run = { module: `${planted}?error`, inputs: [], seconds: 60, seed: 1, mostFindings: 1 }
  const { findings } = await fuzz(run)
  const [finding] = findings
  assert.equal(finding?.kind, 'error')
  assert.match(finding.message, /the planted fault/)
  assert.equal(Buffer.from(finding.input).subarray(0, 3).toString('latin1'), 'bug')
})

test('an input that takes too long is found', async () => {
  const { findings } = await fuzz({ module: `${planted}?slow`, inputs: [], seconds: 1, seed: 1 })
  assert.equal(findings[0]?.kind, 'slow')
})

test('an input that never ends is found, and its thread ended', async () => {
  const run = { module: `${planted}?hang`, inputs: [], seconds: 60, seed: 1, hangMs: 1_000 }
  const { findings } = await fuzz(run)
  assert.equal(findings[0]?.kind, 'hang')
  assert.equal(Buffer.from(findings[0].input).toString(), 'seed')
})

test('an input that takes all memory is found', async () => {
  const run = { module: `${planted}?memory`, inputs: [], seconds: 60, seed: 1, heapMb: 64 }
  const { findings } = await fuzz(run)
  assert.equal(findings[0]?.kind, 'memory')
})

test('each input is the same after it was written and read', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  assert.match(lineOf(every), /^[\x20-\x7e]*$/)
  assert.deepEqual(inputOf(lineOf(every)), every)
})

test('a target that is not there is named, with those that are', () => {
  assert.throws(() => targetsOf(['framr']), /no target framr; there are cel, /)
  assert.deepEqual(
    targetsOf(['framer', 'cel']).map(({ name }) => name),
    ['cel', 'framer-backend', 'framer-frontend'],
  )
})
