import { longestMasked, nullMethod, writeMasked } from '../../guard/masking/mask-value.ts'
import type { MaskMethod } from '../../guard/masking/mask-value.ts'
import { ProtocolError } from '../protocol/error.ts'
import { headerBytes } from '../protocol/message-types.ts'
import type { AnsweredColumn } from './answered-columns.ts'

/** A message in [start, end) of a buffer. */
export interface Slice {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

// text, bpchar, varchar: any bytes are a value of these, and binary and text format are the same.
const textTypes: ReadonlySet<number> = new Set([25, 1042, 1043])

/** Masked rows of a long answer are put into buffers of this size, one behind the other, so that they go out together. */
const mostRoom = 64 * 1024

interface ColumnMask {
  readonly name: string
  readonly dataClass: string
  readonly method: MaskMethod
  count: number
}

/** Masks the rows of one answer. Lives as long as its RowDescription counts. */
export class RowMasker {
  readonly #masks: readonly (ColumnMask | null)[]
  readonly #key: Uint8Array
  readonly #isPlain: boolean
  /** By how much a row may grow. */
  readonly #growth: number
  #out = Buffer.alloc(0)
  #used = 0

  constructor(columns: readonly AnsweredColumn[], key: Uint8Array) {
    this.#key = key
    this.#masks = columns.map(columnMask)
    this.#isPlain = columns.every(({ mask }) => mask === null)
    this.#growth = this.#masks.reduce(
      (sum, mask) => sum + (mask === null ? 0 : longestMasked(mask.method)),
      0,
    )
  }

  /**
   * The DataRow in [start, end) with its masked values replaced, or null when it goes out as it is. Throws `ProtocolError` for a
   * row that does not fit its RowDescription: then nobody knows which value is which.
   */
  mask(bytes: Buffer, start: number, end: number): Slice | null {
    if (this.#isPlain) return null
    const masks = this.#masks
    let at = start + headerBytes + 2
    if (at > end || bytes.readUInt16BE(at - 2) !== masks.length) throw outOfStep()
    this.#makeRoom(end - start + this.#growth)
    const out = this.#out
    const rowStart = this.#used
    let to = rowStart
    let copied = start
    for (const mask of masks) {
      if (end - at < 4) throw outOfStep()
      const size = bytes.readInt32BE(at)
      const next = at + 4 + Math.max(0, size)
      if (size < -1 || next > end) throw outOfStep()
      // NULL stays NULL.
      if (mask !== null && size >= 0) {
        to += bytes.copy(out, to, copied, at) + 4
        mask.count += 1
        const valueEnd = writeMasked(bytes, at + 4, next, mask, this.#key, out, to)
        out.writeInt32BE(valueEnd < 0 ? -1 : valueEnd - to, to - 4)
        to = Math.max(to, valueEnd)
        copied = next
      }
      at = next
    }
    if (at !== end) throw outOfStep()
    to += bytes.copy(out, to, copied, end)
    out.writeUInt32BE(to - rowStart - 1, rowStart + 1)
    this.#used = to
    return { bytes: out, start: rowStart, end: to }
  }

  /** Adds how many values were masked, by class. */
  addCounts(counts: Map<string, number>): void {
    for (const mask of this.#masks) {
      if (mask === null || mask.count === 0) continue
      counts.set(mask.dataClass, (counts.get(mask.dataClass) ?? 0) + mask.count)
    }
  }

  /** What is full was lent to whoever sends and records it: it is not used again. */
  #makeRoom(bytes: number): void {
    if (this.#out.length - this.#used >= bytes) return
    const room = this.#out.length === 0 ? bytes : Math.min(mostRoom, 4 * this.#out.length)
    this.#out = Buffer.allocUnsafe(Math.max(bytes, room))
    this.#used = 0
  }
}

function columnMask({ mask, typeOid }: AnsweredColumn): ColumnMask | null {
  if (mask === null) return null
  const { name, dataClass, method } = mask
  // Of other types only NULL is sure to be a value, in either format.
  return { name, dataClass, method: textTypes.has(typeOid) ? method : nullMethod, count: 0 }
}

function outOfStep(): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', 'a row of the target does not fit its description')
}
