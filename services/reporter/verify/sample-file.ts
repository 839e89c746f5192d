import { parse } from 'csv-parse/sync'

import { populationColumns } from '../../../reports/population-row.ts'
import { drawSample, sampleSeed } from '../../../reports/sample.ts'
import { holdsEvent } from '../../../schemas/leaf.ts'
import { leafHash } from '../../ledger/proof/hash.ts'
import { verifyLeafProof } from '../../ledger/proof/leaf-proof.ts'
import { parseTlogProof } from '../../ledger/proof/tlog-proof.ts'
import { leavesFile, sampleColumns } from '../sampled-entries.ts'
import { problem } from './bundle-check.ts'
import type { BundleCheck } from './bundle-check.ts'
import { compareRow } from './leaf-row.ts'
import { proven } from './ledger-files.ts'
import { cellsOf } from './population-file.ts'
import type { PopulationFileRow } from './population-file.ts'

/** Draws the sample again from the population and proves each of its rows against the checkpoint of its log. */
export function checkSample(
  check: BundleCheck,
  population: readonly PopulationFileRow[],
  leaves: readonly Buffer[],
): void {
  const { manifest, files, problems } = check
  const { file } = manifest.sample
  const seed = sampleSeed({
    tenant: manifest.tenant,
    reportId: manifest.report_id,
    checkpoints: manifest.checkpoints.map(({ origin, size, root }) => ({
      origin,
      size,
      root: Buffer.from(root, 'hex'),
    })),
    populationDigest: manifest.population.digest,
    assessorNonce: manifest.assessor_nonce,
  })
  const differs = (what: string, expected: string | number, found: string | number): void => {
    if (expected === found) return
    const sentence = `${file} is not the sample that the population gives: ${what} is ${found}, and should be ${expected}.`
    problems.push(problem(file, expected, found, sentence))
  }
  differs('its seed', seed.toString('hex'), manifest.sample.seed)
  const sample = drawSample(seed, population)
  differs('its allocation', JSON.stringify(sample.strata), strata(check))
  const [header = [], ...rows] = parse(files.get(file) ?? Buffer.alloc(0))
  differs('its header', sampleColumns.join(), header.join())
  differs('its number of rows', sample.chosen.length, rows.length)
  differs('the number of leaves', rows.length, leaves.length)
  sample.chosen.forEach(({ at, ticket }, index) => {
    const drawn = population[at]
    const row = rows[index]
    const leaf = leaves[index]
    if (drawn === undefined || row === undefined || leaf === undefined) return
    differs(
      `row ${index + 1}`,
      [...drawn.cells, drawn.stratum, ticket].join(),
      row.slice(0, populationColumns.length + 2).join(),
    )
    checkRow(check, row, leaf)
  })
}

function checkRow(check: BundleCheck, row: readonly string[], entry: Buffer): void {
  const { manifest, files, problems } = check
  const cell = cellsOf(row)
  const head = manifest.checkpoints.find(({ origin }) => origin === cell('log'))
  const file = row[sampleColumns.indexOf('proof_file')] ?? ''
  const where = `entry ${cell('ledger_index')} of ${cell('log')}`
  if (head === undefined) {
    problems.push(problem(file, 'a log of the manifest', cell('log'), `${where} is of no log.`))
    return
  }
  proven(check, file, () => {
    const proof = parseTlogProof(files.get(file)?.toString() ?? '')
    if (proof.checkpoint !== files.get(head.file)?.toString()) {
      const sentence = `${file} proves ${where} against another checkpoint than ${head.file}.`
      problems.push(problem(file, head.file, 'another checkpoint', sentence))
      return
    }
    const { leaf } = verifyLeafProof(proof, entry, head.vkey)
    if (leaf.type !== 'event' || !holdsEvent(leaf)) {
      const found = leaf.type === 'event' ? leaf.ix.type : leaf.type
      const sentence = `The leaf of ${where} in ${leavesFile} is of no event.`
      problems.push(problem(leavesFile, 'an event', found, sentence))
      return
    }
    const { isSame, expected, found } = compareRow(row, leaf, leafHash(entry))
    if (isSame) return
    const sentence = `The row of ${where} says something else than its leaf in ${leavesFile}.`
    problems.push(problem(leavesFile, expected, found, sentence))
  })
}

function strata({ manifest }: BundleCheck): string {
  return JSON.stringify(
    manifest.sample.strata.map(({ stratum, population, sample }) => ({
      stratum,
      population,
      sample,
    })),
  )
}
