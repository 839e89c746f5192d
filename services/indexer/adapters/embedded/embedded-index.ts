import type { IndexDocument } from '../../documents.ts'
import type { IndexProgress, Query } from '../../query.ts'
import { IndexError } from '../../search-index.ts'
import type { AppliedProgress, IndexRebuild, Range, SearchIndex } from '../../search-index.ts'
import { EmbeddedQuery } from './embedded-query.ts'
import { IndexDirectory } from './index-directory.ts'
import { Thread } from './thread.ts'
import type { WriterCalls } from './writer-thread.ts'

export interface EmbeddedIndexOptions {
  /** Holds nothing but the index. */
  readonly directory: string
}

type Writer = Thread<WriterCalls>

/** One batch is one transaction, and is decoded between two turns of the event loop. */
const batchSize = 500

/** The search index in files of this machine, with its questions. One writer thread, one reader thread: neither waits for the other. */
export class EmbeddedIndex implements SearchIndex {
  readonly batchSize = batchSize
  /** It is in this process: it takes what it gets, or fails. */
  readonly counts = { deadLetters: 0, retries: 0 }
  readonly #directory: IndexDirectory
  readonly #query: EmbeddedQuery
  #file: string
  #writer: Writer
  /** What changes the index goes through here one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #rebuilding: EmbeddedRebuild | null = null
  #isClosed = false

  private constructor(
    directory: IndexDirectory,
    file: string,
    writer: Writer,
    query: EmbeddedQuery,
  ) {
    this.#directory = directory
    this.#file = file
    this.#writer = writer
    this.#query = query
  }

  static async open(options: EmbeddedIndexOptions): Promise<EmbeddedIndex> {
    await using undo = new AsyncDisposableStack()
    const directory = undo.use(await IndexDirectory.open(options.directory))
    const file = await directory.current()
    const writer = undo.use(startWriter())
    await writer.call('open', file)
    const query = undo.use(new EmbeddedQuery())
    await query.open(file)
    undo.move()
    return new EmbeddedIndex(directory, file, writer, query)
  }

  get query(): Query {
    return this.#query
  }

  apply(
    documents: readonly IndexDocument[],
    progress: AppliedProgress,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#exclusively(() => {
      signal?.throwIfAborted()
      return this.#writer.call('apply', documents, progress)
    })
  }

  async offset(topic: string, partition: number): Promise<bigint | null> {
    const offsets = await this.#exclusively(() => this.#writer.call('offsets'))
    const found = offsets.find((each) => each.topic === topic && each.partition === partition)
    return found?.next ?? null
  }

  progress(): Promise<readonly IndexProgress[]> {
    return this.#exclusively(() => this.#writer.call('progress'))
  }

  missing(log: string, from: number, to: number): Promise<readonly Range[]> {
    return this.#exclusively(() => this.#writer.call('missing', log, from, to))
  }

  reset(): Promise<void> {
    return this.#exclusively(async () => {
      const file = this.#directory.next()
      const writer = startWriter()
      await writer.call('open', file)
      await this.#replace(file, writer)
    })
  }

  async beginRebuild(): Promise<IndexRebuild> {
    if (this.#isClosed) throw closed()
    if (this.#rebuilding !== null) {
      throw new IndexError('INDEX_REBUILDING', 'the index is being rebuilt already')
    }
    const file = this.#directory.next()
    const writer = startWriter()
    this.#rebuilding = new EmbeddedRebuild(writer, {
      swap: (catchUp) => this.#exclusively(() => this.#swap(file, writer, catchUp)),
      drop: () => this.#directory.delete(file),
      end: () => {
        this.#rebuilding = null
      },
    })
    try {
      await writer.call('open', file)
    } catch (error) {
      await this.#rebuilding[Symbol.asyncDispose]()
      throw error
    }
    return this.#rebuilding
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    await this.#rebuilding?.[Symbol.asyncDispose]()
    const before = this.#turn
    this.#isClosed = true
    await before
    // The writer last: who closes last tidies the log of the file up, and a reader cannot.
    await this.#query[Symbol.asyncDispose]()
    await this.#writer[Symbol.asyncDispose]()
    this.#directory[Symbol.dispose]()
  }

  async #swap(
    file: string,
    writer: Writer,
    catchUp: (old: readonly IndexProgress[]) => Promise<void>,
  ): Promise<void> {
    await catchUp(await this.#writer.call('progress'))
    await writer.call('putOffsets', await this.#writer.call('offsets'))
    await this.#replace(file, writer)
  }

  async #replace(file: string, writer: Writer): Promise<void> {
    await this.#directory.use(file)
    const [oldFile, oldWriter] = [this.#file, this.#writer]
    this.#file = file
    this.#writer = writer
    await this.#query.open(file)
    await oldWriter[Symbol.asyncDispose]()
    await this.#directory.delete(oldFile)
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed())
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

interface RebuildEnds {
  swap(catchUp: (old: readonly IndexProgress[]) => Promise<void>): Promise<void>
  drop(): Promise<void>
  end(): void
}

class EmbeddedRebuild implements IndexRebuild {
  readonly batchSize = batchSize
  readonly #writer: Writer
  readonly #ends: RebuildEnds
  #isOver = false

  constructor(writer: Writer, ends: RebuildEnds) {
    this.#writer = writer
    this.#ends = ends
  }

  apply(documents: readonly IndexDocument[], progress: AppliedProgress): Promise<void> {
    return this.#writer.call('apply', documents, progress)
  }

  async swap(catchUp: (old: readonly IndexProgress[]) => Promise<void>): Promise<void> {
    await this.#ends.swap(catchUp)
    this.#isOver = true
    this.#ends.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#ends.end()
    await this.#writer[Symbol.asyncDispose]()
    await this.#ends.drop()
  }
}

function startWriter(): Writer {
  return new Thread<WriterCalls>(
    new URL('./writer-thread.ts', import.meta.url),
    (message, fault) =>
      new IndexError(
        fault === null ? 'INDEX_CLOSED' : 'INDEX_FAILED',
        `the index could not be written: ${message}`,
      ),
  )
}

function closed(): IndexError {
  return new IndexError('INDEX_CLOSED', 'the index is closed')
}
