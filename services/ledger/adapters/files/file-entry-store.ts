import { mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'

import type { Commit } from '../../log/commit.ts'
import type { Batch, EntryStore, StoredSegment } from '../../storage/entry-store.ts'
import { LedgerError, writeFailed } from '../../error.ts'
import {
  encodeSealFooter,
  encodeSegmentHeader,
  firstSeqOfName,
  segmentName,
} from '../../log/segment.ts'
import { syncDirectory, writeNewFile } from './durable-files.ts'
import { SegmentFile } from './segment-file.ts'

export interface FileEntryStoreOptions {
  readonly directory: string
  readonly origin: string
  /** A segment is sealed once it is this long. Default 64 MiB. */
  readonly segmentBytes?: number
  readonly isWritable: boolean
}

const defaultSegmentBytes = 64 * 1024 * 1024
const readBlockBytes = 1024 * 1024
/** Sealed segments kept open and indexed, beside the last one. */
const maxOpenSegments = 8

/** Segments as files of one directory. The last one is open; older ones are opened when they are read. */
export class FileEntryStore implements EntryStore {
  readonly #options: FileEntryStoreOptions
  readonly #firstSeqs: number[]
  /** Least recently used first. */
  readonly #sealed = new Map<number, Promise<SegmentFile>>()
  #active: SegmentFile
  #tornBytes: number
  #failed = false

  private constructor(
    options: FileEntryStoreOptions,
    firstSeqs: number[],
    active: SegmentFile,
    tornBytes: number,
  ) {
    this.#options = options
    this.#firstSeqs = firstSeqs
    this.#active = active
    this.#tornBytes = tornBytes
  }

  /** Makes the first segment with the first batch in it. The directory's name is made durable by the caller. */
  static async create(directory: string, origin: string, first: Batch): Promise<void> {
    await mkdir(directory, { recursive: true })
    const header = encodeSegmentHeader({ origin, firstSeq: 0 })
    const content = Buffer.concat([header, first.bytes.subarray(0, first.length)])
    await writeNewFile(join(directory, segmentName(0)), content)
    await syncDirectory(directory)
  }

  static async open(options: FileEntryStoreOptions): Promise<FileEntryStore> {
    const firstSeqs = await listSegments(options.directory)
    const firstSeq = firstSeqs.at(-1)
    if (firstSeq === undefined || firstSeqs[0] !== 0) {
      throw new LedgerError(
        'LEDGER_CORRUPT',
        `${options.origin}: the segment of entry 0 is missing`,
      )
    }
    const { segment, tornBytes } = await SegmentFile.open(
      join(options.directory, segmentName(firstSeq)),
      options.origin,
      firstSeq,
      options.isWritable,
    )
    const store = new FileEntryStore(options, firstSeqs, segment, tornBytes)
    try {
      // A segment that was only just begun holds no commit yet: the one before says where the log ends.
      if (segment.lastBatch === null) {
        const before = firstSeqs.at(-2)
        const batch = before === undefined ? null : (await store.#segment(before)).lastBatch
        if (batch === null || batch.commit.size !== firstSeq) {
          throw new LedgerError(
            'LEDGER_CORRUPT',
            `${segment.name}: the entries before ${firstSeq} are missing`,
          )
        }
        segment.lastBatch = { commit: batch.commit, end: segment.end }
      }
      return store
    } catch (error) {
      await store[Symbol.asyncDispose]()
      throw error
    }
  }

  get last(): Commit {
    const batch = this.#active.lastBatch
    if (batch === null) throw new LedgerError('LEDGER_CORRUPT', 'the log has no commit')
    return batch.commit
  }

  get tornBytes(): number {
    return this.#tornBytes
  }

  async cut(): Promise<void> {
    if (this.#tornBytes === 0) return
    await this.#active.handle.truncate(this.#active.end)
    await this.#active.handle.sync()
    this.#tornBytes = 0
  }

  async append(batch: Batch): Promise<void> {
    if (this.#failed || this.#tornBytes > 0) {
      throw new LedgerError('LEDGER_WRITE_FAILED', `${this.#active.name}: takes no more entries`)
    }
    try {
      if (this.#active.end >= (this.#options.segmentBytes ?? defaultSegmentBytes)) {
        await this.#roll()
      }
      const active = this.#active
      const { bytesWritten } = await active.handle.write(batch.bytes, 0, batch.length, active.end)
      if (bytesWritten !== batch.length) {
        throw new Error(`${bytesWritten} of ${batch.length} bytes were written`)
      }
      // After a failed sync the kernel may have dropped the pages, and the next call may succeed all the same: never again.
      await active.handle.datasync()
      active.noteBatch(batch.starts, batch.records, {
        commit: batch.commit,
        end: active.end + batch.length,
      })
    } catch (cause) {
      this.#failed = true
      throw writeFailed(`${this.#active.name}: a batch was not written`, cause)
    }
  }

  async read(from: number, to: number): Promise<readonly Buffer[]> {
    if (from < 0 || from >= to || from >= this.last.size) {
      throw new LedgerError(
        'LEDGER_POSITION_UNKNOWN',
        `${this.#options.origin} has no entry ${from}, only ${this.last.size} entries`,
      )
    }
    let index = this.#firstSeqs.length - 1
    while (index > 0 && (this.#firstSeqs[index] ?? 0) > from) index--
    const segment = await this.#segment(this.#firstSeqs[index] ?? 0)
    if (from >= segment.nextSeq) {
      throw new LedgerError('LEDGER_CORRUPT', `${segment.name}: entry ${from} is missing`)
    }
    return segment.read(from, to, readBlockBytes)
  }

  async *segments(): AsyncGenerator<StoredSegment> {
    for (const firstSeq of this.#firstSeqs.slice()) {
      const segment = await this.#segment(firstSeq)
      yield { name: segment.name, firstSeq, bytes: await segment.committedBytes() }
    }
  }

  async refresh(): Promise<void> {
    await this.#active.refresh()
    for (const firstSeq of await listSegments(this.#options.directory)) {
      if (firstSeq <= this.#active.firstSeq) continue
      const { segment } = await SegmentFile.open(
        join(this.#options.directory, segmentName(firstSeq)),
        this.#options.origin,
        firstSeq,
        false,
      )
      const before = this.#active
      // It was ended before this one had a name, maybe only since it was read above.
      await before.refresh()
      segment.lastBatch ??= before.lastBatch
      this.#keep(before)
      this.#firstSeqs.push(firstSeq)
      this.#active = segment
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sealed = await Promise.allSettled(this.#sealed.values())
    this.#sealed.clear()
    for (const segment of sealed) {
      if (segment.status === 'fulfilled') await segment.value.handle.close()
    }
    await this.#active.handle.close()
  }

  // The footer is durable before the next segment has a name, so a segment that has a successor has its footer.
  async #roll(): Promise<void> {
    const full = this.#active
    if (full.footer === null) {
      const footer = { size: this.last.size, root: this.last.root }
      const bytes = encodeSealFooter(footer)
      await full.handle.write(bytes, 0, bytes.length, full.end)
      await full.handle.datasync()
      full.end += bytes.length
      full.footer = footer
    }
    const { directory, origin } = this.#options
    const firstSeq = full.nextSeq
    const file = join(directory, segmentName(firstSeq))
    await writeNewFile(`${file}.new`, encodeSegmentHeader({ origin, firstSeq }))
    await rename(`${file}.new`, file)
    await syncDirectory(directory)
    const { segment } = await SegmentFile.open(file, origin, firstSeq, true)
    segment.lastBatch = { commit: this.last, end: segment.end }
    this.#keep(full)
    this.#firstSeqs.push(firstSeq)
    this.#active = segment
  }

  #segment(firstSeq: number): Promise<SegmentFile> {
    if (firstSeq === this.#active.firstSeq) return Promise.resolve(this.#active)
    const kept = this.#sealed.get(firstSeq)
    if (kept !== undefined) {
      this.#sealed.delete(firstSeq)
      this.#sealed.set(firstSeq, kept)
      return kept
    }
    const opened = this.#openSealed(firstSeq)
    opened.catch(() => this.#sealed.delete(firstSeq))
    this.#sealed.set(firstSeq, opened)
    this.#evict()
    return opened
  }

  async #openSealed(firstSeq: number): Promise<SegmentFile> {
    const { directory, origin } = this.#options
    const file = join(directory, segmentName(firstSeq))
    const { segment } = await SegmentFile.open(file, origin, firstSeq, false)
    const next = this.#firstSeqs[this.#firstSeqs.indexOf(firstSeq) + 1]
    if (segment.footer === null || segment.nextSeq !== next) {
      await segment.handle.close()
      throw new LedgerError(
        'LEDGER_CORRUPT',
        `${segment.name}: it ends before entry ${segment.nextSeq}, the next segment begins at ${next ?? 'none'}`,
      )
    }
    return segment
  }

  #keep(segment: SegmentFile): void {
    this.#sealed.set(segment.firstSeq, Promise.resolve(segment))
    this.#evict()
  }

  #evict(): void {
    for (const [firstSeq, opened] of this.#sealed) {
      if (this.#sealed.size <= maxOpenSegments) return
      this.#sealed.delete(firstSeq)
      // A read that is under way holds the file's own reference; closing waits for it.
      void opened.then((segment) => segment.handle.close()).catch(() => undefined)
    }
  }
}

async function listSegments(directory: string): Promise<number[]> {
  const names = await readdir(directory)
  return names
    .map(firstSeqOfName)
    .filter((firstSeq) => firstSeq !== null)
    .sort((a, b) => a - b)
}
