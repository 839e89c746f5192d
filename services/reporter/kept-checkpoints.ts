import { readUnverifiedCheckpoint } from '../ledger/proof/checkpoint.ts'
import { readZip, unpackEntry } from './bundle/zip.ts'

const zipMagic = Buffer.from('PK')
const mostUnpacked = 1_500_000_000

/**
 * The checkpoints in a file that somebody kept: an earlier bundle, or a checkpoint by itself. Their signatures are for others to check.
 * Throws for what is neither.
 */
export function keptCheckpoints(file: Buffer): readonly string[] {
  const notes = file.subarray(0, zipMagic.length).equals(zipMagic)
    ? readZip(file, mostUnpacked)
        .entries.filter(({ path }) => /^ledger\/checkpoint-\d+\.txt$/.test(path))
        .map((entry) => unpackEntry(entry).toString())
    : [file.toString()]
  for (const note of notes) readUnverifiedCheckpoint(note)
  return notes
}
