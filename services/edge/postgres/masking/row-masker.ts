import { ProtocolError } from '../protocol/error.ts'
import { headerBytes } from '../protocol/message-types.ts'
import type { AnsweredColumn } from './answered-columns.ts'

/** A message in [start, end) of a buffer. */
export interface Slice {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/** Masked rows of a long answer are put into buffers of this size, one behind the other, so that they go out together. */
const mostRoom = 64 * 1024
const noRoom = Buffer.alloc(0)

/** Masks the rows of one answer. Lives as long as its RowDescription counts. */
export class RowMasker {
  readonly #columns: readonly (AnsweredColumn | null)[]
  /** How many values of each were masked. */
  readonly #counts: number[]
  /** How many parts of values were, by class. */
  #found: Map<string, number> | null = null
  /** By how much a row may grow. */
  readonly #growth: number
  #out = noRoom
  #used = 0

  /** Null for columns that go out as they are. */
  constructor(columns: readonly (AnsweredColumn | null)[]) {
    this.#columns = columns
    this.#counts = columns.map(() => 0)
    this.#growth = columns.reduce((sum, column) => sum + (column?.mask.longest ?? 0), 0)
  }

  /**
   * The DataRow in [start, end) with its masked values replaced. Throws `ProtocolError` for a row that does not fit its RowDescription:
   * then nobody knows which value is which.
   */
  mask(bytes: Buffer, start: number, end: number): Slice {
    const columns = this.#columns
    let at = start + headerBytes + 2
    if (at > end || bytes.readUInt16BE(at - 2) !== columns.length) throw outOfStep()
    this.#makeRoom(end - start + this.#growth)
    const out = this.#out
    const rowStart = this.#used
    let to = rowStart
    let copied = start
    for (let place = 0; place < columns.length; place++) {
      const column = columns[place] ?? null
      if (end - at < 4) throw outOfStep()
      const size = bytes.readInt32BE(at)
      const next = at + 4 + Math.max(0, size)
      if (size < -1 || next > end) throw outOfStep()
      // NULL stays NULL.
      if (column !== null && size >= 0) {
        to += bytes.copy(out, to, copied, at) + 4
        const valueEnd = column.mask.write(bytes, at + 4, next, out, to)
        out.writeInt32BE(valueEnd < 0 ? -1 : valueEnd - to, to - 4)
        to = Math.max(to, valueEnd)
        const { found } = column.mask
        if (found === undefined || valueEnd < 0)
          this.#counts[place] = (this.#counts[place] ?? 0) + 1
        else if (found.length > 0) this.#countFound(found)
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

  /** How many values, and parts of values, were masked, by class, added to those of before. */
  countsWith(before: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const counts = new Map(before)
    for (const [dataClass, count] of this.#found ?? []) {
      counts.set(dataClass, (counts.get(dataClass) ?? 0) + count)
    }
    for (const [place, count] of this.#counts.entries()) {
      const column = this.#columns[place] ?? null
      if (column === null || count === 0) continue
      counts.set(column.dataClass, (counts.get(column.dataClass) ?? 0) + count)
    }
    return counts
  }

  /** The id of the key of the tokens in the rows; null where no value became one. */
  get tokenKeyId(): string | null {
    const tokens = this.#columns.find(
      (column, place) => column?.mask.keyId !== undefined && (this.#counts[place] ?? 0) > 0,
    )
    return tokens?.mask.keyId ?? null
  }

  #countFound(classes: readonly string[]): void {
    this.#found ??= new Map()
    for (const each of classes) this.#found.set(each, (this.#found.get(each) ?? 0) + 1)
  }

  /** What is full was lent to whoever sends and records it: it is not used again. */
  #makeRoom(bytes: number): void {
    if (this.#out.length - this.#used >= bytes) return
    const room = this.#out.length === 0 ? bytes : Math.min(mostRoom, 4 * this.#out.length)
    this.#out = Buffer.allocUnsafe(Math.max(bytes, room))
    this.#used = 0
  }
}

function outOfStep(): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', 'a row of the target does not fit its description')
}
