import type { LedgerReader } from '../ledger/reader.ts'
import type { SealedRecord } from './documents.ts'
import { indexEntries } from './ledger-documents.ts'
import { joined, rangesBetween } from './ranges.ts'
import type { Range, SearchIndex } from './search-index.ts'

/**
 * Positions of a log rise by one, but the bus brings only entries with a payload, those of different sessions not always in order, and
 * none older than its retention. What is missing before the last of these records is read from the ledger, so that [0, indexed) is true.
 * A record that comes later after all is a repeat.
 */
export async function fillGaps(
  ledger: LedgerReader,
  index: SearchIndex,
  records: readonly SealedRecord[],
  signal: AbortSignal,
): Promise<void> {
  const indexed = new Map((await index.progress()).map((each) => [each.log, each.indexed]))
  for (const [log, positions] of positionsByLog(records)) {
    const start = indexed.get(log) ?? 0
    for (const range of missingRanges(start, positions)) {
      // Only what follows on the indexed entries moves their end: what lies between is in the batch, which is not applied yet.
      const advances = range.from === start
      await indexEntries(ledger, index, { log, ...range, advances }, signal)
    }
  }
}

function positionsByLog(records: readonly SealedRecord[]): ReadonlyMap<string, number[]> {
  const positions = new Map<string, number[]>()
  for (const { log, position } of records) {
    const known = positions.get(log)
    if (known === undefined) positions.set(log, [position])
    else known.push(position)
  }
  return positions
}

/** What [start, last of `positions`] has beyond `positions`, ranges close to each other as one. */
export function missingRanges(start: number, positions: readonly number[]): readonly Range[] {
  const inOrder = positions.toSorted((one, other) => one - other)
  const ranges = rangesBetween(inOrder, { from: start, to: start })
  const isFirstApart = ranges[0]?.from === start
  return isFirstApart ? [...ranges.slice(0, 1), ...joined(ranges.slice(1))] : joined(ranges)
}
