/**
 * `npm run test:faults -- [name …]`: every fault, or those of a folder or a file of `test/faults` (`engines`, `engines/both-down`,
 * `kills`), each as long and as often as it is meant to be; `npm test` has the short ones. The environment changes each number.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const inFull = {
  FAULT_KILLS: '100',
  FAULT_LEDGER_KILLS: '100',
  FAULT_STOPPED_MS: '20000',
  FAULT_BROKER_KILLS: '20',
  FAULT_FROZEN_MS: '45000',
  FAULT_LEADER_KILLS: '6',
  FAULT_REBALANCES: '20',
  FAULT_SEARCH_KILLS: '10',
  FAULT_DOWN_MS: '600000',
}

const here = fileURLToPath(new URL('.', import.meta.url))
const names = process.argv.slice(2)
const patterns =
  names.length === 0
    ? [`${here}**/*.test.ts`]
    : names.map((name) => `${here}${name}{/**/*,}.test.ts`)
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=1', '--test-reporter=spec', ...patterns],
  { stdio: 'inherit', env: { ...inFull, ...process.env } },
)
process.exitCode = status ?? 1
