import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { LedgerError } from '../../error.ts'
import type { HashPacks } from '../../storage/hash-packs.ts'

const hashBytes = 32

/** `L0.pack`, `L1.pack`, `L2.pack`: tile N of level L is the bytes [N * 8192, + 8192) of its pack. */
export class FileHashPacks implements HashPacks {
  readonly #handles: readonly [FileHandle, FileHandle, FileHandle]
  readonly #counts: [number, number, number]
  readonly #directory: string

  private constructor(
    directory: string,
    handles: readonly [FileHandle, FileHandle, FileHandle],
    counts: [number, number, number],
  ) {
    this.#directory = directory
    this.#handles = handles
    this.#counts = counts
  }

  static async open(directory: string, isWritable: boolean): Promise<FileHashPacks> {
    const names = ['L0.pack', 'L1.pack', 'L2.pack']
    const handles: FileHandle[] = []
    try {
      const counts: number[] = []
      for (const name of names) {
        const file = join(directory, name)
        const handle = await open(file, isWritable ? 'a+' : 'r')
        handles.push(handle)
        counts.push(Math.floor((await handle.stat()).size / hashBytes))
      }
      const [h0, h1, h2] = handles
      const [c0, c1, c2] = counts
      if (h0 === undefined || h1 === undefined || h2 === undefined) throw new Error('three packs')
      const packs = new FileHashPacks(directory, [h0, h1, h2], [c0 ?? 0, c1 ?? 0, c2 ?? 0])
      // A crash may leave part of a hash; the next one must begin on its boundary.
      if (isWritable) await packs.cut(packs.counts)
      return packs
    } catch (error) {
      for (const handle of handles) await handle.close()
      throw error
    }
  }

  get counts(): readonly [number, number, number] {
    return this.#counts
  }

  async append(pack: 0 | 1 | 2, hashes: Buffer): Promise<void> {
    // The file is open for appending, so the position is its end.
    const { bytesWritten } = await this.#handles[pack].write(hashes, 0, hashes.length)
    if (bytesWritten !== hashes.length) throw new Error(`L${pack}.pack: a write was short`)
    this.#counts[pack] += hashes.length / hashBytes
  }

  async read(pack: 0 | 1 | 2, from: number, count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(count * hashBytes)
    const { bytesRead } = await this.#handles[pack].read(bytes, 0, bytes.length, from * hashBytes)
    if (bytesRead !== bytes.length) {
      throw new LedgerError(
        'LEDGER_CORRUPT',
        `${this.#directory}/L${pack}.pack: the hashes ${from} to ${from + count} are not there`,
      )
    }
    return bytes
  }

  async cut(counts: readonly [number, number, number]): Promise<void> {
    for (const pack of [0, 1, 2] as const) {
      await this.#handles[pack].truncate(counts[pack] * hashBytes)
      this.#counts[pack] = counts[pack]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#handles) await handle.close()
  }
}
