import { createHash } from 'node:crypto'

import { parse } from 'csv-parse/sync'

import { populationColumns } from '../../../reports/population-row.ts'
import { sha256 } from '../bundle/write-bundle.ts'
import { stratumOf } from '../population.ts'
import { microseconds, problem } from './bundle-check.ts'
import type { BundleCheck } from './bundle-check.ts'

export interface PopulationFileRow {
  readonly cells: readonly string[]
  readonly id: string
  readonly stratum: string
}

/** Counts the rows again and compares with what the manifest says of them. */
export function checkPopulation({
  manifest,
  files,
  problems,
}: BundleCheck): readonly PopulationFileRow[] {
  const { population, period } = manifest
  const { file } = population
  const bytes = files.get(file) ?? Buffer.alloc(0)
  const expect = (what: string, expected: string | number, found: string | number): void => {
    if (expected === found) return
    problems.push(
      problem(
        file,
        expected,
        found,
        `${file} is not the population of the manifest: ${what} is ${found}, and should be ${expected}.`,
      ),
    )
  }
  const [header = [], ...rows] = parse(bytes)
  expect('its header', populationColumns.join(), header.join())
  expect('its digest', population.digest, sha256(bytes))
  expect('its number of rows', population.rows, rows.length)
  const leafHashes = createHash('sha256')
  const perProducer = new Map<string, number>()
  const perLog = new Map<string, { rows: number; min_index: number; max_index: number }>()
  let outside = 0
  let disordered = 0
  for (const row of rows) {
    const cell = cellsOf(row)
    const index = Number(cell('ledger_index'))
    leafHashes.update(cell('leaf_hash'), 'hex')
    perProducer.set(cell('producer'), (perProducer.get(cell('producer')) ?? 0) + 1)
    const log = perLog.get(cell('log')) ?? { rows: 0, min_index: index, max_index: -1 }
    if (index <= log.max_index) disordered += 1
    perLog.set(cell('log'), { rows: log.rows + 1, min_index: log.min_index, max_index: index })
    const occurred = cell('occurred_at')
    if (occurred < microseconds(period.from) || occurred >= microseconds(period.to)) outside += 1
  }
  expect('its digest of leaf hashes', population.leaf_hashes_sha256, leafHashes.digest('hex'))
  expect('its number of rows outside of the period', 0, outside)
  expect('its number of rows out of order', 0, disordered)
  const counted = {
    per_log: [...perLog].map(([log, totals]) => ({ log, ...totals })),
    per_producer: [...perProducer].map(([producer, number]) => ({ producer, rows: number })),
  }
  expect('its control totals', totalsText(population), totalsText(counted))
  return rows.map((cells) => ({
    cells,
    id: cellsOf(cells)('event_id'),
    stratum: stratumOf(cells),
  }))
}

/** A cell of a row by the name of its column. */
export function cellsOf(row: readonly string[]): (column: string) => string {
  return (column) => row[(populationColumns as readonly string[]).indexOf(column)] ?? ''
}

function totalsText({
  per_log: logs,
  per_producer: producers,
}: Pick<BundleCheck['manifest']['population'], 'per_log' | 'per_producer'>): string {
  return [
    ...logs.map((log) => `${log.log} ${log.rows} ${log.min_index}-${log.max_index}`),
    ...producers.map(({ producer, rows }) => `${producer} ${rows}`),
  ]
    .sort()
    .join(', ')
}
