import type { BundleManifest } from '../../../schemas/bundle.ts'
import { holdsEvent } from '../../../schemas/leaf.ts'
import type { EventLeaf, Leaf } from '../../../schemas/leaf.ts'
import { microseconds } from './bundle-check.ts'
import { csvCell } from '../render/csv.ts'
import { cellsOf } from './population-file.ts'

/** Columns of a row that the leaf of its entry says as well; the others come from the event itself. */
const columns = [
  'ledger_index',
  'event_id',
  'producer',
  'producer_seq',
  'event_type',
  'occurred_at',
  'received_at',
  'outcome',
  'leaf_hash',
]

/** What a row and the leaf of its entry must both say; `found` is the row's. */
export function compareRow(
  row: readonly string[],
  leaf: EventLeaf,
  hash: Buffer,
): { readonly isSame: boolean; readonly expected: string; readonly found: string } {
  const expected = [
    String(leaf.seq),
    leaf.evt,
    leaf.prod,
    String(leaf.pseq),
    leaf.ix.type,
    leaf.et,
    leaf.rt,
    leaf.ix.outcome ?? '',
    hash.toString('hex'),
  ]
    .map(csvCell)
    .join()
  const found = columns.map(cellsOf(row)).join()
  return { isSame: expected === found, expected, found }
}

/** Whether an entry belongs in the population of a report: an event, no repeat of one, that occurred in the period. */
export function isOfPeriod(leaf: Leaf, period: BundleManifest['period']): leaf is EventLeaf {
  return (
    leaf.type === 'event' &&
    holdsEvent(leaf) &&
    leaf.dupOf === undefined &&
    leaf.et >= microseconds(period.from) &&
    leaf.et < microseconds(period.to)
  )
}
