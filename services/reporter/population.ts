import { createHash } from 'node:crypto'

import type { Au2Facts } from '../../reports/au-2/ledger-facts.ts'
import type { Reconciliation } from '../../reports/au-2/report.ts'
import type { FrozenInputs } from '../../reports/frozen.ts'
import { asOfMs } from '../../reports/frozen.ts'
import { populationColumns, populationRow } from '../../reports/population-row.ts'
import type { PopulationEvent } from '../../reports/population-row.ts'
import type { SampleCandidate } from '../../reports/sample.ts'
import type { PopulationTotals } from '../../schemas/bundle.ts'
import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import type { Entry, LedgerReader } from '../ledger/reader.ts'
import { ReportError } from './error.ts'
import { csv, csvCell } from './render/csv.ts'

/** Rows that one report may hold: they stand in memory until the bundle is written. */
const mostRows = 1_000_000
const rowsPerPiece = 1_000

export const populationFile = 'population/events.csv'

export interface Population {
  readonly csv: Buffer
  readonly totals: PopulationTotals
  readonly counted: Omit<Reconciliation, 'numbered'>
  /** In the order of the rows. */
  readonly candidates: readonly SampleCandidate[]
  readonly places: readonly { readonly log: string; readonly position: number }[]
}

export interface PopulationRequest {
  readonly reader: LedgerReader
  readonly frozen: FrozenInputs
  /** Is told every event. */
  readonly facts: Au2Facts
  readonly signal: AbortSignal
  onProgress(done: number, total: number): void
}

/** Reads every entry below the frozen checkpoints once, in the order of logs and positions. The search index has no part in it. */
export async function readPopulation(request: PopulationRequest): Promise<Population> {
  const { reader, frozen, facts, signal } = request
  const rows = new RowWriter()
  const counted = new Counters()
  const entries = frozen.checkpoints.reduce((sum, { size }) => sum + size, 0)
  for (const { origin, size } of frozen.checkpoints) {
    const oldSize =
      frozen.previous?.checkpoints.find((each) => each.origin === origin)?.size ?? Infinity
    for await (const entry of reader.entries(origin, 0, size)) {
      counted.entries += 1
      if (counted.entries % 500 === 0) {
        signal.throwIfAborted()
        request.onProgress(counted.entries, entries)
      }
      const given = counted.take(entry, facts)
      if (given === null) continue
      const occurredUs = given.event?.occurred_at ?? microseconds(given.leaf.et)
      facts.take(given, occurredUs, microseconds(given.leaf.rt), entry.position >= oldSize)
      if (inPeriod(microseconds(given.leaf.et), facts)) counted.scanned += 1
      if (inPeriod(occurredUs, facts)) rows.add(given)
      else counted.outsidePeriod += 1
    }
  }
  request.onProgress(entries, entries)
  facts.end(asOfMs(frozen) * 1000)
  return rows.finish(counted)
}

class Counters {
  entries = 0
  genesis = 0
  losses = 0
  quarantined = 0
  duplicates = 0
  outsidePeriod = 0
  scanned = 0

  /** The event of the entry, unless it has none that counts. */
  take(entry: Entry, facts: Au2Facts): PopulationEvent | null {
    const { log, position, leaf, leafHash, payload } = entry
    const at = `${log}:${position}`
    switch (leaf.type) {
      case 'genesis':
        this.genesis += 1
        return null
      case 'loss':
        this.losses += 1
        if (inPeriod(microseconds(leaf.rt), facts)) facts.lose(leaf, at)
        return null
      case 'event':
        if (leaf.dupOf !== undefined) {
          this.duplicates += 1
          return null
        }
        if (leaf.ix.type === 'quarantined') {
          this.quarantined += 1
          if (inPeriod(microseconds(leaf.rt), facts)) facts.setAside(leaf, at)
          return null
        }
        return { log, position, leaf, leafHash, event: eventOf(payload, at, leaf.evt) }
    }
  }
}

/** Collects rows a piece at a time: one text of all of them would be built twice. */
class RowWriter {
  readonly #pieces: Buffer[] = []
  #piece: (readonly string[])[] = [populationColumns]
  readonly #leafHashes = createHash('sha256')
  readonly #candidates: SampleCandidate[] = []
  readonly #places: { log: string; position: number }[] = []
  readonly #perLog = new Map<string, { rows: number; first: number; last: number }>()
  readonly #perProducer = new Map<string, number>()

  add(given: PopulationEvent): void {
    const { log, position, leaf, leafHash } = given
    if (this.#candidates.length === mostRows) {
      throw new ReportError(
        'REPORT_TOO_LARGE',
        `the period has more than ${mostRows} events; choose a shorter one`,
      )
    }
    const row = populationRow(given)
    this.#piece.push(row)
    if (this.#piece.length >= rowsPerPiece) this.#flush()
    this.#leafHashes.update(leafHash)
    // As a reader of the file sees them, so that anyone draws the same sample.
    this.#candidates.push({ id: csvCell(leaf.evt), stratum: stratumOf(row.map(csvCell)) })
    this.#places.push({ log, position })
    const { rows, first } = this.#perLog.get(log) ?? { rows: 0, first: position }
    this.#perLog.set(log, { rows: rows + 1, first, last: position })
    this.#perProducer.set(leaf.prod, (this.#perProducer.get(leaf.prod) ?? 0) + 1)
  }

  finish(counted: Counters): Population {
    this.#flush()
    const bytes = Buffer.concat(this.#pieces)
    const rows = this.#candidates.length
    const { entries, genesis, losses, quarantined, duplicates, outsidePeriod, scanned } = counted
    return {
      csv: bytes,
      candidates: this.#candidates,
      places: this.#places,
      counted: {
        entries,
        genesis,
        losses,
        quarantined,
        duplicates,
        outsidePeriod,
        scanned,
        projected: rows,
      },
      totals: {
        file: populationFile,
        rows,
        digest: createHash('sha256').update(bytes).digest('hex'),
        leaf_hashes_sha256: this.#leafHashes.digest('hex'),
        per_log: [...this.#perLog].map(([log, { rows, first, last }]) => ({
          log,
          rows,
          min_index: first,
          max_index: last,
        })),
        per_producer: [...this.#perProducer]
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([producer, rows]) => ({ producer, rows })),
      },
    }
  }

  #flush(): void {
    if (this.#piece.length > 0) this.#pieces.push(csv(this.#piece))
    this.#piece = []
  }
}

const protocolAt = populationColumns.indexOf('protocol')
const tierAt = populationColumns.indexOf('risk_tier')

/** Protocol and risk tier, as the row says them. */
export function stratumOf(row: readonly string[]): string {
  return `${row[protocolAt] ?? ''} / ${row[tierAt] ?? ''}`
}

function eventOf(payload: Buffer | null, at: string, id: string): AuditEvent | null {
  if (payload === null) return null
  const event = decodeEvent(payload)
  if (event.id === id) return event
  throw new ReportError('REPORT_NO_LEDGER', `entry ${at} holds another event than its leaf names`)
}

function inPeriod(us: number, { limits }: Au2Facts): boolean {
  return us >= limits.fromUs && us < limits.toUs
}

function microseconds(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26))
}
