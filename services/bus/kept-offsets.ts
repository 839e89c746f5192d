import { readFile, rename, writeFile } from 'node:fs/promises'

import type { Logger } from '../runtime/logger.ts'

const everyMs = 1_000

/**
 * How far a topic was read, in a file of the reader's own: the offset to go on from, by partition. The file is written within a second
 * and when it is disposed of, so after a crash the last second is read again. Without the file, or with a damaged one, all is.
 */
export class KeptOffsets implements AsyncDisposable {
  readonly #file: string
  readonly #logger: Logger
  readonly #next: Map<number, bigint>
  readonly #timer: NodeJS.Timeout
  #isWritten = true
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, logger: Logger, next: Map<number, bigint>) {
    this.#file = file
    this.#logger = logger
    this.#next = next
    this.#timer = setInterval(() => this.#write(), everyMs).unref()
  }

  static async open(file: string, logger: Logger): Promise<KeptOffsets> {
    const text = await readFile(file, 'utf8').catch(() => '')
    const next = parse(text)
    if (next === null && text !== '') {
      logger.warn({ file }, 'where reading stopped is not known any more; it begins anew')
    }
    return new KeptOffsets(file, logger, next ?? new Map<number, bigint>())
  }

  /** Where to go on; null when that is not known. */
  next(partition: number): bigint | null {
    return this.#next.get(partition) ?? null
  }

  note(partition: number, next: bigint): void {
    this.#next.set(partition, next)
    this.#isWritten = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#write()
    await this.#writing
  }

  #write(): void {
    if (this.#isWritten) return
    this.#isWritten = true
    this.#writing = this.#writing.then(async () => {
      const entries = [...this.#next].map(([partition, next]) => [partition, String(next)])
      try {
        await writeFile(`${this.#file}.new`, JSON.stringify(entries), { mode: 0o600 })
        await rename(`${this.#file}.new`, this.#file)
      } catch (error) {
        this.#isWritten = false
        this.#logger.warn({ file: this.#file, err: error }, 'where reading stopped was not kept')
      }
    })
  }
}

// [[partition, "offset"], …]
function parse(text: string): Map<number, bigint> | null {
  try {
    const entries = JSON.parse(text) as [number, string][]
    return new Map(entries.map(([partition, next]) => [partition, BigInt(next)]))
  } catch {
    return null
  }
}
