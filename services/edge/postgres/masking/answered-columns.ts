import type { MaskedColumn } from '../../guard/masking/classification.ts'
import { jsonMask } from '../../guard/masking/json-mask.ts'
import { textMask } from '../../guard/masking/mask-value.ts'
import { nullMask } from '../../guard/masking/text-mask.ts'
import type { TextMask } from '../../guard/masking/text-mask.ts'
import { decodeBackend } from '../protocol/backend.ts'
import type { Column } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import { backend } from '../protocol/message-types.ts'
import { notUnderstood } from './catalog.ts'

/** A column of an answer whose values are masked. */
export interface AnsweredColumn {
  readonly dataClass: string
  readonly mask: TextMask
}

// text, bpchar, varchar: any bytes are a value of these, and binary and text format are the same.
const textTypes: ReadonlySet<number> = new Set([25, 1042, 1043])

const json = 114
const jsonb = 3802

/** Of other types than text, and JSON with paths into it, only NULL is sure to be a value, in either format. */
export function answeredColumn(
  { name, dataClass, method }: MaskedColumn,
  { typeOid, format }: Pick<Column, 'typeOid' | 'format'>,
  key: Uint8Array,
): AnsweredColumn {
  const isText = textTypes.has(typeOid)
  if (method.kind !== 'json') {
    return { dataClass, mask: isText ? textMask(method, name, key) : nullMask }
  }
  const isJson = isText || typeOid === json || typeOid === jsonb
  const hasVersion = typeOid === jsonb && format === 1
  return {
    dataClass,
    mask: isJson ? jsonMask(method.paths, name, key, hasVersion ? 1 : 0) : nullMask,
  }
}

/** One for each of the columns; null for those that go out as they are. */
type MasksOf = (columns: readonly Column[]) => readonly (MaskedColumn | null)[]

/**
 * The columns of the answers to one statement. It is run over and over, and described in the same bytes each time: those of the last
 * time are not looked up again.
 */
export class AnsweredColumns {
  readonly #masksOf: MasksOf
  readonly #key: Uint8Array
  #description: Buffer | null = null
  #columns: readonly (AnsweredColumn | null)[] | null = null

  constructor(masksOf: MasksOf, key: Uint8Array) {
    this.#masksOf = masksOf
    this.#key = key
  }

  /** Under the RowDescription in [start, end), header included; null for those that go out as they are, and where all of them do. */
  under(bytes: Buffer, start: number, end: number): readonly (AnsweredColumn | null)[] | null {
    const known = this.#description
    if (known?.length === end - start && known.compare(bytes, start, end) === 0) {
      return this.#columns
    }
    const described = decodeBackend(backend.rowDescription, bytes, start, end)
    if (described?.type !== 'row-description') {
      throw new ProtocolError('MESSAGE_UNEXPECTED', 'an answer is not described')
    }
    const { columns } = described
    const masked = this.#masksOf(columns)
    const answered = columns.map((column, place) => {
      const mask = masked[place] ?? null
      return mask === null ? null : answeredColumn(mask, column, this.#key)
    })
    this.#columns = answered.every((column) => column === null) ? null : answered
    // The catalog may know it the next time.
    const isKept = !masked.includes(notUnderstood)
    this.#description = isKept ? Buffer.from(bytes.subarray(start, end)) : null
    return this.#columns
  }
}
