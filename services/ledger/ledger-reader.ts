import { LedgerError } from './error.ts'
import { LogReader } from './log/log-reader.ts'
import type { Tile } from './proof/tile.ts'
import type { Entry, LedgerReader, LogHead } from './reader.ts'
import type { LedgerStorage, LogStorage } from './storage/storage.ts'

/**
 * Reads all logs of a ledger. Logs that this process writes are read through their writer's storage; the others are opened
 * when they are asked for and stay open: a log takes a few file descriptors.
 */
export class StorageReader implements LedgerReader, AsyncDisposable {
  readonly #storage: LedgerStorage
  readonly #live = new Map<string, LogReader>()
  readonly #opened = new Map<string, Promise<LogReader>>()

  constructor(storage: LedgerStorage) {
    this.#storage = storage
  }

  /** Reads this log through its writer from now on. */
  attach(log: LogStorage): void {
    this.#live.set(log.origin, new LogReader(log, false))
  }

  /** The writer of this log is about to end. */
  detach(origin: string): void {
    this.#live.delete(origin)
  }

  async logs(): Promise<readonly LogHead[]> {
    const heads: LogHead[] = []
    for (const origin of await this.#storage.origins()) {
      const head = await (await this.log(origin)).head()
      if (head !== null) heads.push(head)
    }
    return heads
  }

  async head(origin: string): Promise<LogHead> {
    const head = await (await this.log(origin)).head()
    if (head === null) {
      throw new LedgerError('LEDGER_LOG_UNKNOWN', `${origin} has no signed checkpoint yet`)
    }
    return head
  }

  async entry(origin: string, position: number): Promise<Entry> {
    for await (const entry of this.entries(origin, position, position + 1)) return entry
    throw new LedgerError('LEDGER_POSITION_UNKNOWN', `${origin} has no entry ${position}`)
  }

  async *entries(origin: string, from: number, to: number): AsyncGenerator<Entry> {
    if (!Number.isSafeInteger(from) || from < 0 || !Number.isSafeInteger(to)) {
      throw new LedgerError('LEDGER_POSITION_UNKNOWN', `${origin} has no entry ${from}`)
    }
    yield* (await this.log(origin)).entries(from, to)
  }

  async inclusionProof(origin: string, position: number, size: number): Promise<readonly Buffer[]> {
    return (await this.log(origin)).inclusionProof(position, size)
  }

  async consistencyProof(
    origin: string,
    oldSize: number,
    newSize: number,
  ): Promise<readonly Buffer[]> {
    return (await this.log(origin)).consistencyProof(oldSize, newSize)
  }

  async tile(origin: string, tile: Tile): Promise<Buffer> {
    return (await this.log(origin)).tile(tile)
  }

  async checkpointAt(origin: string, atMs: number): Promise<LogHead | null> {
    return (await this.log(origin)).headSignedFrom(atMs)
  }

  /** The reader of one log. Throws `LEDGER_LOG_UNKNOWN`. */
  log(origin: string): Promise<LogReader> {
    const live = this.#live.get(origin)
    if (live !== undefined) return Promise.resolve(live)
    const kept = this.#opened.get(origin)
    if (kept !== undefined) return kept
    const opened = this.#open(origin)
    opened.catch(() => this.#opened.delete(origin))
    this.#opened.set(origin, opened)
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values())
    this.#opened.clear()
    this.#live.clear()
    for (const log of opened) {
      if (log.status === 'fulfilled') await log.value.storage[Symbol.asyncDispose]()
    }
  }

  async #open(origin: string): Promise<LogReader> {
    const storage = await this.#storage.openForReading(origin)
    try {
      return new LogReader(storage, true)
    } catch (error) {
      await storage[Symbol.asyncDispose]()
      throw error
    }
  }
}
