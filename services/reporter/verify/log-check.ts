import type { BundleCheckpoint } from '../../../schemas/bundle.ts'
import { LeafError, decodeLeaf } from '../../../schemas/leaf.ts'
import { openCheckpoint, readUnverifiedCheckpoint } from '../../ledger/proof/checkpoint.ts'
import type { Checkpoint } from '../../ledger/proof/checkpoint.ts'
import { ProofError } from '../../ledger/proof/error.ts'
import { leafHash } from '../../ledger/proof/hash.ts'
import { MerkleTree } from '../../ledger/proof/tree.ts'
import { problem } from './bundle-check.ts'
import type { BundleCheck } from './bundle-check.ts'
import { compareRow, isOfPeriod } from './leaf-row.ts'
import { cellsOf } from './population-file.ts'
import type { PopulationFileRow } from './population-file.ts'
import { Repeats } from './repeats.ts'

/** The logs of a ledger as somebody else has them: exported, or served. */
export interface LogSource {
  /** The first `size` entries of a log, in order. Throws `ProofError` when it has not so many, or what it has is no log. */
  entries(origin: string, size: number): AsyncIterable<Buffer>
}

/** Entries that one sentence names. */
const mostNamed = 5

/**
 * Walks each log of the report from its beginning: its entries give the root of the report's checkpoint and of each `earlier` one, and
 * those of the period are the population, no more, no fewer, and the same. Returns how many entries were compared.
 */
export async function checkLogs(
  check: BundleCheck,
  rows: readonly PopulationFileRow[],
  logs: LogSource,
  earlier: readonly string[],
): Promise<number> {
  const { manifest, problems } = check
  const byLog = new Map<string, Map<number, readonly string[]>>()
  for (const { cells } of rows) {
    const cell = cellsOf(cells)
    const ofLog = byLog.get(cell('log')) ?? new Map<number, readonly string[]>()
    byLog.set(cell('log'), ofLog.set(Number(cell('ledger_index')), cells))
  }
  const kept = keptByLog(check, earlier)
  let entries = 0
  for (const head of manifest.checkpoints) {
    const ofLog = byLog.get(head.origin) ?? new Map<number, readonly string[]>()
    byLog.delete(head.origin)
    try {
      await checkLog(check, head, ofLog, kept.get(head.origin) ?? [], logs)
    } catch (error) {
      if (!(error instanceof ProofError || error instanceof LeafError)) throw error
      const sentence = `The log ${head.origin} cannot be compared: ${error.message}.`
      problems.push(problem(head.origin, 'the log of the report', error.message, sentence))
    }
    entries += head.size
  }
  for (const [origin, left] of byLog) {
    const sentence = `${manifest.population.file} has ${left.size} rows of ${origin}, which is no log of this report.`
    problems.push(problem(manifest.population.file, 'logs of the manifest', origin, sentence))
  }
  return entries
}

async function checkLog(
  { manifest, problems }: BundleCheck,
  { origin, size, root, file }: BundleCheckpoint,
  rows: Map<number, readonly string[]>,
  earlier: readonly Checkpoint[],
  logs: LogSource,
): Promise<void> {
  const tree = new MerkleTree()
  const repeats = new Repeats()
  const leftOut: number[] = []
  const changed: number[] = []
  const alien: number[] = []
  const falseRepeats: number[] = []
  for await (const entry of logs.entries(origin, size)) {
    const position = tree.size
    const leaf = decodeLeaf(entry)
    if (leaf.log !== origin || leaf.seq !== position) {
      throw new LeafError(`entry ${position} says that it is entry ${leaf.seq} of ${leaf.log}`)
    }
    const hash = leafHash(entry)
    tree.append(hash)
    for (const older of earlier) {
      if (older.size !== tree.size || older.root.equals(tree.root())) continue
      const sentence = `The log ${origin} was rewritten: its first ${older.size} entries are others than those of the checkpoint that you kept.`
      problems.push(problem(origin, hex(older.root), hex(tree.root()), sentence))
    }
    if (!repeats.isTrue(leaf)) falseRepeats.push(position)
    const row = rows.get(position)
    rows.delete(position)
    if (isOfPeriod(leaf, manifest.period)) {
      if (row === undefined) leftOut.push(position)
      else if (!compareRow(row, leaf, hash).isSame) changed.push(position)
    } else if (row !== undefined) alien.push(position)
  }
  if (hex(tree.root()) !== root) {
    const sentence = `The log ${origin} that you gave is another one than that of the report: its first ${size} entries do not give the root of ${file}.`
    problems.push(problem(origin, root, hex(tree.root()), sentence))
    return
  }
  const { file: population } = manifest.population
  const say = (positions: readonly number[], what: string): void => {
    if (positions.length === 0) return
    const named = positions.slice(0, mostNamed).join(', ')
    const more = positions.length > mostNamed ? ` and ${positions.length - mostNamed} more` : ''
    const sentence = `${population} ${what}: ${named}${more} of ${origin}.`
    problems.push(problem(population, 'the entries of the period', named + more, sentence))
  }
  say(leftOut, 'leaves out entries that the log has in the period')
  say(changed, 'says something else than the log of the entries')
  say(alien, 'has entries that are no events of the period in the log')
  say([...rows.keys()], 'has entries that lie behind the checkpoint')
  say(falseRepeats, 'leaves out entries that the log calls repeats of others and that are none')
}

/** The earlier checkpoints by their logs; those that this report cannot be of the same ledger with are problems. */
function keptByLog(
  { manifest, problems }: BundleCheck,
  notes: readonly string[],
): Map<string, Checkpoint[]> {
  const kept = new Map<string, Checkpoint[]>()
  for (const note of notes) {
    const { origin, size } = readUnverifiedCheckpoint(note)
    const head = manifest.checkpoints.find((each) => each.origin === origin)
    if (head === undefined) {
      const sentence = `The log ${origin}, of which you kept a checkpoint of ${size} entries, is not in this report.`
      problems.push(problem(origin, 'among the logs of the report', 'missing', sentence))
      continue
    }
    try {
      const checkpoint = openCheckpoint(note, head.vkey)
      if (checkpoint.size > head.size) {
        const sentence = `The log ${origin} had ${size} entries in the checkpoint that you kept, and has ${head.size} in this report: either that one is younger, or the log was set back.`
        problems.push(problem(head.file, `${size} entries or more`, head.size, sentence))
      } else kept.set(origin, [...(kept.get(origin) ?? []), checkpoint])
    } catch (error) {
      if (!(error instanceof ProofError)) throw error
      const sentence = `The checkpoint of ${origin} that you kept is signed by another key than the log of this report: ${error.message}.`
      problems.push(problem(head.file, 'the same key', head.vkey, sentence))
    }
  }
  return kept
}

function hex(root: Buffer): string {
  return root.toString('hex')
}
