import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

import { LedgerError } from '../../error.ts'
import { shortName } from './durable-files.ts'
import { payloadHeaderAt } from './payload-record.ts'

const headerBytes = 20
const scanBytes = 1024 * 1024
const readBytes = 1024 * 1024

export interface PayloadFileRecord {
  /** The positions [first, first + count). */
  readonly first: number
  readonly count: number
  readonly slot: number
  readonly record: Buffer
}

export interface WrittenRun {
  readonly first: number
  readonly count: number
  readonly start: number
}

/** One payload file, with an index of its records in memory that opening builds from their headers. */
export class PayloadFile {
  readonly name: string
  readonly #handle: FileHandle
  /** Positions rise; record i holds [#firsts[i], #afters[i]) and begins at #starts[i]. */
  readonly #firsts: number[] = []
  readonly #afters: number[] = []
  readonly #starts: number[] = []
  /** Where the last whole record ends. */
  end = 0
  /** False when bytes that are no record follow. */
  isWhole = true

  private constructor(name: string, handle: FileHandle) {
    this.name = name
    this.#handle = handle
  }

  static async open(path: string, isWritable: boolean): Promise<PayloadFile> {
    const handle = await open(path, isWritable ? 'r+' : 'r')
    const file = new PayloadFile(shortName(path), handle)
    try {
      await file.refresh()
      return file
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Indexes what was appended since. A last record that is not whole belongs to no committed entry. */
  async refresh(): Promise<void> {
    const { size } = await this.#handle.stat()
    this.isWhole = false
    const block = Buffer.allocUnsafe(Math.min(scanBytes, Math.max(0, size - this.end)))
    while (this.end + headerBytes <= size) {
      const blockAt = this.end
      const { bytesRead } = await this.#handle.read(block, 0, block.length, blockAt)
      const bytes = block.subarray(0, bytesRead)
      let header = payloadHeaderAt(bytes, 0)
      if (header === null) return
      while (header !== null) {
        const isRising = header.first >= (this.#afters.at(-1) ?? 0) && header.count > 0
        if (!isRising || blockAt + header.end > size) return
        this.#add(header.first, header.count, this.end)
        this.end = blockAt + header.end
        header = payloadHeaderAt(bytes, header.end)
      }
    }
    this.isWhole = this.end === size
  }

  /** Appends records; `runs` says the positions of each, and where it begins in `bytes`. */
  async append(bytes: Buffer, runs: readonly WrittenRun[]): Promise<void> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, this.end)
    if (bytesWritten !== bytes.length) throw new Error(`${this.name}: a write was short`)
    await this.#handle.datasync()
    for (const { first, count, start } of runs) this.#add(first, count, this.end + start)
    this.end += bytes.length
  }

  /** The records with something of the positions [from, to), in order, read in blocks. */
  async *records(from: number, to: number): AsyncGenerator<PayloadFileRecord> {
    let index = lowerBound(this.#afters, from + 1)
    const last = lowerBound(this.#firsts, to)
    while (index < last) {
      const begin = this.#start(index)
      let next = index + 1
      while (next < last && this.#start(next + 1) - begin <= readBytes) next++
      const bytes = Buffer.allocUnsafe(this.#start(next) - begin)
      const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, begin)
      for (; index < next; index++) {
        const at = this.#start(index) - begin
        const header = payloadHeaderAt(bytes.subarray(0, bytesRead), at)
        const first = this.#firsts[index]
        if (header === null || header.end > bytesRead || header.first !== first) {
          throw new LedgerError(
            'LEDGER_PAYLOAD_DAMAGED',
            `${this.name}, byte ${begin + at}: the payload of entry ${first ?? 0} is not there`,
          )
        }
        const { count, slot } = header
        yield { first, count, slot, record: bytes.subarray(at, header.end) }
      }
    }
  }

  holds(position: number): boolean {
    const index = lowerBound(this.#afters, position + 1)
    return (this.#firsts[index] ?? Infinity) <= position
  }

  async cut(size: number): Promise<void> {
    // A commit writes whole records, so none reaches over the size of one.
    const count = lowerBound(this.#firsts, size)
    this.end = this.#start(count)
    this.#firsts.length = count
    this.#afters.length = count
    this.#starts.length = count
    this.isWhole = true
    await this.#handle.truncate(this.end)
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  #add(first: number, count: number, start: number): void {
    this.#firsts.push(first)
    this.#afters.push(first + count)
    this.#starts.push(start)
  }

  #start(index: number): number {
    return this.#starts[index] ?? this.end
  }
}

/** The index of the first number that is at least `wanted`. */
function lowerBound(numbers: readonly number[], wanted: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
