import type { MaskedColumn } from '../../guard/masking/classification.ts'
import { decodeBackend } from '../protocol/backend.ts'
import type { Column } from '../protocol/backend.ts'
import { ProtocolError } from '../protocol/error.ts'
import { backend } from '../protocol/message-types.ts'
import { notUnderstood } from './catalog.ts'

/** One column of an answer: its type, and how its values are masked. */
export interface AnsweredColumn {
  readonly typeOid: number
  readonly mask: MaskedColumn | null
}

/**
 * The columns of the answers to one statement. It is run over and over, and described in the same bytes each time: those of the last
 * time are not looked up again.
 */
export class AnsweredColumns {
  readonly #maskOf: (column: Column, place: number) => MaskedColumn | null
  #description: Buffer | null = null
  #columns: readonly AnsweredColumn[] = []

  constructor(maskOf: (column: Column, place: number) => MaskedColumn | null) {
    this.#maskOf = maskOf
  }

  /** Under the RowDescription in [start, end), header included. */
  under(bytes: Buffer, start: number, end: number): readonly AnsweredColumn[] {
    const known = this.#description
    if (known?.length === end - start && known.compare(bytes, start, end) === 0) {
      return this.#columns
    }
    const described = decodeBackend(backend.rowDescription, bytes, start, end)
    if (described?.type !== 'row-description') {
      throw new ProtocolError('MESSAGE_UNEXPECTED', 'an answer is not described')
    }
    const { columns } = described
    this.#columns = columns.map((column, place) => ({
      typeOid: column.typeOid,
      mask: this.#maskOf(column, place),
    }))
    // The catalog may know it the next time.
    const isKept = this.#columns.every(({ mask }) => mask !== notUnderstood)
    this.#description = isKept ? Buffer.from(bytes.subarray(start, end)) : null
    return this.#columns
  }
}
