/**
 * `npm run test:fuzz -- [framer|scram|jwt|cel|…]`: fuzzes these targets, or all, one after the other. FUZZ_SECONDS says how long each
 * (default 600), FUZZ_SEED with which random numbers. What it finds worth keeping is added to the corpus.
 */
import { randomInt } from 'node:crypto'

import { lineOf, readCorpus, writeCorpus } from './corpus-file.ts'
import { fuzz } from './fuzz-run.ts'
import { targetsOf } from './targets.ts'
import type { NamedTarget } from './targets.ts'

const seconds = Number(process.env['FUZZ_SECONDS'] ?? '600')
const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))

try {
  for (const target of targetsOf(process.argv.slice(2))) await fuzzTarget(target)
} catch (error) {
  if (!(error instanceof RangeError)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function fuzzTarget({ name, module }: NamedTarget): Promise<void> {
  const kept = readCorpus(name)
  const { executions, covered, corpus, findings } = await fuzz({
    module,
    inputs: kept,
    seconds,
    seed,
    onProgress: (now) =>
      console.error(
        `${name}: ${counted(now.executions)} runs, ${counted(now.covered)} characters of code, ${now.corpus} inputs`,
      ),
  })
  console.log(
    `${name}: ${counted(executions)} runs in ${seconds} s with seed ${seed}, ${counted(covered)} characters of code run,` +
      ` corpus ${corpus.length} (was ${kept.length}), ${findings.length} found`,
  )
  for (const { kind, message, input } of findings) {
    console.log(
      `\n${name}: ${kind}: ${message}\ninput, as a line of the corpus:\n${lineOf(Buffer.from(input))}`,
    )
    process.exitCode = 1
  }
  if (findings.length === 0) {
    writeCorpus(
      name,
      corpus.map((input) => Buffer.from(input)),
    )
  }
}

function counted(count: number): string {
  return count.toLocaleString('en')
}
