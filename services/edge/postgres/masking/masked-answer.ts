import { decodeBackend, encodeBackend } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { PartPosition } from '../protocol/frame.ts'
import type { MaskPlan } from './mask-plan.ts'
import type { RowMasker, Slice } from './row-masker.ts'

/** A row that has to be masked is held as a whole; one beyond this ends the session. */
const maxRowBytes = 16 * 1024 * 1024

/** The answer to one request on its way through its mask. Nothing of it goes out, or is recorded, in any other form. */
export class MaskedAnswer {
  readonly #plan: MaskPlan
  #rows: RowMasker | null = null
  /** Of the descriptions before the one that counts. */
  readonly #countsBefore = new Map<string, number>()
  #parts: Buffer[] = []
  #partBytes = 0

  constructor(plan: MaskPlan) {
    this.#plan = plan
  }

  /** How many values were masked, by class. */
  get counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#countsBefore)
    this.#rows?.addCounts(counts)
    return counts
  }

  /** The rows that follow are described by this RowDescription. */
  describe(bytes: Buffer, start: number, end: number): void {
    this.#rows?.addCounts(this.#countsBefore)
    this.#rows = this.#plan.rows(bytes, start, end)
  }

  /** The row that goes out instead of this one; null when it goes out as it came. */
  row(bytes: Buffer, start: number, end: number): Slice | null {
    if (this.#rows === null) throw undescribed()
    return this.#rows.mask(bytes, start, end)
  }

  /** Takes a part of a long row, and gives the row once it is whole. */
  part(bytes: Buffer, start: number, end: number, position: PartPosition): Slice | null {
    this.#partBytes += end - start
    if (this.#partBytes + position.remaining > maxRowBytes) {
      throw new ProtocolError('LENGTH_OVER_LIMIT', 'a row with masked columns is over the limit')
    }
    this.#parts.push(Buffer.from(bytes.subarray(start, end)))
    if (position.remaining > 0) return null
    const row = Buffer.concat(this.#parts)
    this.#parts = []
    this.#partBytes = 0
    return this.row(row, 0, row.length) ?? { bytes: row, start: 0, end: row.length }
  }

  /** What goes out for an error or notice that may quote masked values: its severity and SQLSTATE. Null when it goes out as it is. */
  report(type: number, bytes: Buffer, start: number, end: number): Buffer | null {
    const { withheldReports } = this.#plan
    if (withheldReports === 'none') return null
    const report = decodeBackend(type, bytes, start, end)
    if (report?.type !== 'error' && report?.type !== 'notice') return null
    // Class 42 is about names in the statement: it is raised before there is any value.
    if (withheldReports === 'values' && report.fields.get('C')?.startsWith('42') === true)
      return null
    const fields = new Map<string, string>()
    for (const code of ['S', 'V', 'C', 'P']) {
      const value = report.fields.get(code)
      if (value !== undefined) fields.set(code, value)
    }
    fields.set('M', withheld)
    return encodeBackend({ type: report.type, fields })
  }
}

const withheld = 'the text of this message is withheld: it could quote a masked value'

function undescribed(): ProtocolError {
  return new ProtocolError('MESSAGE_UNEXPECTED', 'a row came before it was described')
}
