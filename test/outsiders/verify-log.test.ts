import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { aDirectory, checkpointOf, entriesOf, origin, signer, treeOf, writeLog } from './a-log.ts'
import { goProgram, run } from './verifier.ts'

const sizes = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_537]

for (const size of sizes) {
  test(`Go's sumdb code accepts a log of ${size} entries`, async (t) => {
    const program = await goProgram(t, 'verify-log')
    if (program === null) return
    const directory = await aDirectory(t)
    const entries = entriesOf(size)
    await writeLog(directory, entries)
    const outcome = await run(program, ['-vkey', signer.vkey, '-origin', origin, directory])
    const root = treeOf(entries).root.toString('base64')
    assert.equal(outcome.stdout, `verified: ${origin} ${size} ${root}\n`)
    assert.equal(outcome.code, 0)
  })
}

test('Go finds every earlier checkpoint of a log consistent with it', async (t) => {
  const program = await goProgram(t, 'verify-log')
  if (program === null) return
  const directory = await aDirectory(t)
  const memory = await aDirectory(t)
  const entries = entriesOf(600)
  await writeLog(directory, entries)
  const options = ['-vkey', signer.vkey, '-origin', origin]
  for (const size of [0, 1, 2, 3, 255, 256, 257, 511, 512, 599, 600]) {
    const file = join(memory, `checkpoint-${size}`)
    await writeFile(file, await checkpointOf(entries.slice(0, size)))
    options.push('-remembered', file)
  }
  const { stdout, code } = await run(program, [...options, directory])
  assert.match(stdout, /^verified: /)
  assert.equal(code, 0)
})
