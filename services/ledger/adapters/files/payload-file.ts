import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

import { LedgerError } from '../../error.ts'
import { shortName } from './durable-files.ts'
import { payloadHeaderAt } from './payload-record.ts'

const headerBytes = 16
const scanBytes = 1024 * 1024
const readBytes = 1024 * 1024

export interface PayloadFileRecord {
  readonly position: number
  readonly slot: number
  readonly record: Buffer
}

/** One payload file, with an index of its records in memory that opening builds from their headers. */
export class PayloadFile {
  readonly name: string
  readonly #handle: FileHandle
  /** Positions rise; `#starts[i]` is where the record of `#positions[i]` begins. */
  readonly #positions: number[] = []
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
        const isRising = header.position > (this.#positions.at(-1) ?? -1)
        if (!isRising || blockAt + header.end > size) return
        this.#positions.push(header.position)
        this.#starts.push(this.end)
        this.end = blockAt + header.end
        header = payloadHeaderAt(bytes, header.end)
      }
    }
    this.isWhole = this.end === size
  }

  async append(
    bytes: Buffer,
    payloads: readonly { readonly position: number }[],
    starts: readonly number[],
  ): Promise<void> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, this.end)
    if (bytesWritten !== bytes.length) throw new Error(`${this.name}: a write was short`)
    await this.#handle.datasync()
    payloads.forEach(({ position }, index) => {
      this.#positions.push(position)
      this.#starts.push(this.end + (starts[index] ?? 0))
    })
    this.end += bytes.length
  }

  /** The records of the positions [from, to), in order, read in blocks. */
  async *records(from: number, to: number): AsyncGenerator<PayloadFileRecord> {
    let index = lowerBound(this.#positions, from)
    const last = lowerBound(this.#positions, to)
    while (index < last) {
      const begin = this.#start(index)
      let next = index + 1
      while (next < last && this.#start(next + 1) - begin <= readBytes) next++
      const bytes = Buffer.allocUnsafe(this.#start(next) - begin)
      const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, begin)
      for (; index < next; index++) {
        const at = this.#start(index) - begin
        const header = payloadHeaderAt(bytes.subarray(0, bytesRead), at)
        const position = this.#positions[index]
        if (header === null || header.end > bytesRead || header.position !== position) {
          throw new LedgerError(
            'LEDGER_PAYLOAD_DAMAGED',
            `${this.name}, byte ${begin + at}: the payload of entry ${position ?? 0} is not there`,
          )
        }
        yield { position, slot: header.slot, record: bytes.subarray(at, header.end) }
      }
    }
  }

  holds(position: number): boolean {
    return this.#positions[lowerBound(this.#positions, position)] === position
  }

  async cut(size: number): Promise<void> {
    const count = lowerBound(this.#positions, size)
    this.end = this.#start(count)
    this.#positions.length = count
    this.#starts.length = count
    this.isWhole = true
    await this.#handle.truncate(this.end)
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#handle.close()
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
