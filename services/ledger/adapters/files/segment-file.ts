import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

import { LedgerError } from '../../error.ts'
import type { CommittedBatch, CommittedFrames } from '../../log/recovery.ts'
import { walkFrames } from '../../log/recovery.ts'
import type { SealFooter } from '../../log/segment.ts'
import { decodeSegmentHeader } from '../../log/segment.ts'
import { shortName } from './durable-files.ts'

const initialEntries = 4096

/** One segment file and where its committed records are. Starts are kept as 32-bit numbers: a segment is far below 4 GiB. */
export class SegmentFile {
  readonly name: string
  readonly firstSeq: number
  readonly handle: FileHandle
  /** Where the committed bytes end. */
  end: number
  footer: SealFooter | null
  lastBatch: CommittedBatch | null
  #starts: Uint32Array
  #count = 0

  private constructor(name: string, firstSeq: number, handle: FileHandle, framesAt: number) {
    this.name = name
    this.firstSeq = firstSeq
    this.handle = handle
    this.end = framesAt
    this.footer = null
    this.lastBatch = null
    this.#starts = new Uint32Array(initialEntries)
  }

  /** Opens a segment and walks it. Returns it with the bytes that stand behind its last commit. */
  static async open(
    file: string,
    origin: string,
    firstSeq: number,
    isWritable: boolean,
  ): Promise<{ readonly segment: SegmentFile; readonly tornBytes: number }> {
    const handle = await open(file, isWritable ? 'r+' : 'r')
    try {
      const bytes = await readFrom(handle, 0)
      const name = shortName(file)
      const decoded = decodeSegmentHeader(bytes)
      if (decoded === null) {
        throw new LedgerError('LEDGER_CORRUPT', `${name}: this is not the header of a segment`)
      }
      if (decoded.header.origin !== origin || decoded.header.firstSeq !== firstSeq) {
        throw new LedgerError(
          'LEDGER_CORRUPT',
          `${name}: the header says entry ${decoded.header.firstSeq} of ${decoded.header.origin}, so the file does not belong here`,
        )
      }
      const segment = new SegmentFile(name, firstSeq, handle, decoded.end)
      segment.#take(walkFrames(name, bytes, decoded.end, firstSeq), 0)
      return { segment, tornBytes: bytes.length - segment.end }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  get nextSeq(): number {
    return this.firstSeq + this.#count
  }

  /** Walks what was written behind the known end since. */
  async refresh(): Promise<void> {
    const bytes = await readFrom(this.handle, this.end)
    this.#take(walkFrames(this.name, bytes, 0, this.nextSeq), this.end)
  }

  noteBatch(starts: Uint32Array, records: number, batch: CommittedBatch): void {
    this.#reserve(records)
    for (let index = 0; index < records; index++) {
      this.#starts[this.#count + index] = this.end + (starts[index] ?? 0)
    }
    this.#count += records
    this.lastBatch = batch
    this.end = batch.end
  }

  /** Bytes that hold the entries [from, to) of this segment, up to about `maxBytes`, and where they begin within it. */
  async read(from: number, to: number, maxBytes: number): Promise<Buffer[]> {
    const first = from - this.firstSeq
    const begin = this.#start(first) - 8
    let last = Math.min(to, this.nextSeq) - this.firstSeq
    if (this.#endOf(last - 1) - begin > maxBytes) {
      let low = first + 1
      let high = last
      while (low < high) {
        const middle = (low + high + 1) >> 1
        if (this.#endOf(middle - 1) - begin <= maxBytes) low = middle
        else high = middle - 1
      }
      last = low
    }
    const bytes = Buffer.allocUnsafe(this.#endOf(last - 1) - begin)
    const { bytesRead } = await this.handle.read(bytes, 0, bytes.length, begin)
    const entries: Buffer[] = []
    for (let index = first; index < last; index++) {
      const at = this.#start(index) - begin
      const end = at + 1 + (at - 8 + 4 <= bytesRead ? bytes.readUInt32BE(at - 8) : bytes.length)
      if (end > bytesRead) {
        throw new LedgerError(
          'LEDGER_CORRUPT',
          `${this.name}, byte ${begin + at}: entry ${this.firstSeq + index} is cut short`,
        )
      }
      entries.push(bytes.subarray(at + 1, end))
    }
    return entries
  }

  /** The committed bytes, header included. */
  async committedBytes(): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(this.end)
    const { bytesRead } = await this.handle.read(bytes, 0, this.end, 0)
    return bytes.subarray(0, bytesRead)
  }

  #take(frames: CommittedFrames, base: number): void {
    this.#reserve(frames.starts.length)
    for (const start of frames.starts) this.#starts[this.#count++] = base + start
    this.end = base + frames.end
    this.footer = frames.footer
    const last = frames.commits.at(-1)
    if (last !== undefined) this.lastBatch = { commit: last.commit, end: base + last.end }
  }

  #reserve(more: number): void {
    if (this.#count + more <= this.#starts.length) return
    const larger = new Uint32Array(Math.max(this.#starts.length * 2, this.#count + more))
    larger.set(this.#starts.subarray(0, this.#count))
    this.#starts = larger
  }

  #start(index: number): number {
    return this.#starts[index] ?? this.end
  }

  // A commit frame may stand before the next record: reading a little more does no harm.
  #endOf(index: number): number {
    return index + 1 < this.#count ? this.#start(index + 1) - 8 : this.end
  }
}

async function readFrom(handle: FileHandle, at: number): Promise<Buffer> {
  const { size } = await handle.stat()
  const bytes = Buffer.allocUnsafe(Math.max(0, size - at))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, at)
  return bytes.subarray(0, bytesRead)
}
