import { decodeBackend, encodeBackend } from '../protocol/backend.ts'
import type { ReportFields } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import type { PartPosition } from '../protocol/frame.ts'
import { headerBytes } from '../protocol/message-types.ts'
import type { Reach } from './couplings.ts'
import type { MaskPlan } from './mask-plan.ts'
import type { RowMasker, Slice } from './row-masker.ts'

const noCounts: ReadonlyMap<string, number> = new Map()

/** A row that has to be masked is held as a whole; one beyond this ends the session. */
const maxRowBytes = 16 * 1024 * 1024

/** The answer to one request on its way through its mask. Nothing of it goes out, or is recorded, in any other form. */
export class MaskedAnswer {
  readonly #plan: MaskPlan
  #isDescribed = false
  /** Null while rows go out as they are. */
  #rows: RowMasker | null = null
  /** Of the descriptions before the one that counts. */
  #countsBefore = noCounts
  #tokenKeyIdBefore: string | null = null
  #parts: Buffer[] = []
  #partBytes = 0

  constructor(plan: MaskPlan) {
    this.#plan = plan
  }

  /** How many values were masked, by class. */
  get counts(): ReadonlyMap<string, number> {
    return this.#rows === null ? this.#countsBefore : this.#rows.countsWith(this.#countsBefore)
  }

  /** The id of the key of its tokens; null where no value became one. */
  get tokenKeyId(): string | null {
    return this.#rows?.tokenKeyId ?? this.#tokenKeyIdBefore
  }

  /** The rows that follow are described by this RowDescription. */
  describe(bytes: Buffer, start: number, end: number): void {
    this.#countsBefore = this.counts
    this.#tokenKeyIdBefore = this.tokenKeyId
    this.#isDescribed = true
    this.#rows = this.#plan.rows(bytes, start, end)
  }

  /** The row that goes out instead of this one; null when it goes out as it came. */
  row(bytes: Buffer, start: number, end: number): Slice | null {
    if (!this.#isDescribed) throw undescribed()
    return this.#rows === null ? null : this.#rows.mask(bytes, start, end)
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

  get withheldReports(): Reach {
    return this.#plan.withheldReports
  }
}

/** What goes out for an error or notice that may quote masked values: its severity and SQLSTATE. Null when it goes out as it is. */
export function withheldReport(
  reach: Reach,
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): Buffer | null {
  if (reach === 'none') return null
  const report = decodeBackend(type, bytes, start, end)
  if (report?.type !== 'error' && report?.type !== 'notice') return null
  const fields = new Map<string, string>()
  const shown = ['S', 'V', 'C', 'P']
  const isOfText = isAboutText(report.fields, reach === 'code')
  for (const code of isOfText ? [...shown, 'M', 'H'] : shown) {
    const value = report.fields.get(code)
    if (value !== undefined) fields.set(code, value)
  }
  if (!isOfText) fields.set('M', withheld)
  return encodeBackend({ type: report.type, fields })
}

/** A NotificationResponse that says which channel was notified, and not what of: triggers tell whole rows. */
export function withoutPayload(bytes: Buffer, start: number, end: number): Buffer {
  // NotificationResponse: Int32 process, String channel, String payload
  const payloadAt = bytes.indexOf(0, start + headerBytes + 4) + 1
  if (payloadAt === 0 || payloadAt >= end) {
    throw new ProtocolError('MESSAGE_MALFORMED', 'a notification without a payload')
  }
  const shortened = Buffer.concat([bytes.subarray(start, payloadAt), Buffer.of(0)])
  shortened.writeUInt32BE(shortened.length - 1, 1)
  return shortened
}

/**
 * Class 42 with a place in the text and none in code: the statement itself is wrong, which is found before there is any value. What code
 * of others says has a place in that code, and may have one in the text too, that of a literal which becomes a value of a type with checks.
 * Without a place it may be a value that was taken for a name (`ssn::regclass`), unless it is a privilege that is missing and no code
 * says so; and a syntax error may be one in a value (`ssn::regtype`), since the grammar has taken the statement before.
 */
function isAboutText(fields: ReportFields, mayBeOfCode: boolean): boolean {
  const code = fields.get('C') ?? ''
  if (fields.has('W')) return false
  if (code === '42501' && !mayBeOfCode) return true
  return code.startsWith('42') && code !== '42601' && fields.has('P')
}

const withheld = 'the text of this message is withheld: it could quote a masked value'

function undescribed(): ProtocolError {
  return new ProtocolError('MESSAGE_UNEXPECTED', 'a row came before it was described')
}
