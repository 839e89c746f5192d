import { maskText } from '../../guard/masking/mask-value.ts'
import type { MaskedColumn } from '../../guard/masking/classification.ts'
import { BodyReader } from '../protocol/body-reader.ts'
import { ProtocolError } from '../protocol/error.ts'
import { backend, headerBytes } from '../protocol/message-types.ts'

/** One column of an answer: its type, and how its values are masked. */
export interface AnsweredColumn {
  readonly typeOid: number
  readonly mask: MaskedColumn | null
}

// text, bpchar, varchar: any bytes are a value of these, and binary and text format are the same.
const textTypes: ReadonlySet<number> = new Set([25, 1042, 1043])

/** Masks the rows of one answer. Lives as long as its RowDescription counts. */
export class RowMasker {
  readonly #counts: Map<string, number>
  readonly #columns: readonly AnsweredColumn[]
  readonly #key: Uint8Array
  readonly #isPlain: boolean

  /** `counts` is told how many values were masked, by class. */
  constructor(columns: readonly AnsweredColumn[], key: Uint8Array, counts: Map<string, number>) {
    this.#columns = columns
    this.#counts = counts
    this.#key = key
    this.#isPlain = columns.every(({ mask }) => mask === null)
  }

  /**
   * The DataRow in [start, end) with its masked values replaced, or null when it goes out as it is. Throws `ProtocolError` for a
   * row that does not fit its RowDescription: then nobody knows which value is which.
   */
  mask(bytes: Buffer, start: number, end: number): Buffer | null {
    if (this.#isPlain) return null
    const body = new BodyReader(bytes, start + headerBytes, end)
    const count = body.uint16()
    if (count !== this.#columns.length) throw outOfStep()
    const parts: Buffer[] = [Buffer.alloc(headerBytes + 2)]
    let length = headerBytes + 2
    for (const column of this.#columns) {
      const size = body.int32()
      if (size < -1) throw outOfStep()
      const value = size === -1 ? null : body.bytes(size)
      const shown = value === null ? null : this.#shown(value, column)
      const prefix = Buffer.allocUnsafe(4)
      prefix.writeInt32BE(shown?.length ?? -1)
      parts.push(prefix)
      length += 4
      if (shown !== null) {
        parts.push(shown)
        length += shown.length
      }
    }
    body.finish()
    const head = parts[0] ?? Buffer.alloc(0)
    head.writeUInt8(backend.dataRow, 0)
    head.writeUInt32BE(length - 1, 1)
    head.writeUInt16BE(count, headerBytes)
    return Buffer.concat(parts, length)
  }

  #shown(value: Buffer, { mask, typeOid }: AnsweredColumn): Buffer | null {
    if (mask === null) return value
    this.#counts.set(mask.dataClass, (this.#counts.get(mask.dataClass) ?? 0) + 1)
    // Of other types only NULL is sure to be a value, in either format.
    if (!textTypes.has(typeOid)) return null
    return maskText(value, mask.method, mask.name, this.#key)
  }
}

function outOfStep(): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', 'a row of the target does not fit its description')
}
