import type { IndexDocument } from './documents.ts'
import type { IndexProgress } from './query.ts'

/** The write side of the search index. Everything in it can be made again from the ledger. */
export interface SearchIndex extends AsyncDisposable {
  /**
   * Takes documents and the progress they stand for, all or nothing: when this resolves both are durable, when it rejects or
   * the process dies neither counts. A document whose (log, position) is already there is ignored, so is a second copy of the same
   * bytes, so repeats do no harm. Order between logs does not matter. Calls may overlap; they take effect one after the other.
   */
  apply(documents: readonly IndexDocument[], progress: AppliedProgress): Promise<void>
  /** The bus offset to go on from, null when none was ever applied. */
  offset(topic: string, partition: number): Promise<bigint | null>
  /** How far the index has come, per log, ordered by log. */
  progress(): Promise<readonly IndexProgress[]>
  /** Forgets everything: documents, progress and offsets. */
  reset(): Promise<void>
  /** Begins a second, empty index beside this one, which goes on taking and answering. One at a time. */
  beginRebuild(): Promise<IndexRebuild>
}

export interface AppliedProgress {
  /** Entries [0, indexed) of the log are in the index after this. A smaller number than before changes nothing. */
  readonly logs: readonly IndexProgress[]
  /** The offset of the record after the last one that these documents came from. */
  readonly offset?: { readonly topic: string; readonly partition: number; readonly next: bigint }
}

/** An index in the making. Disposing it before `swap` has resolved throws it away. */
export interface IndexRebuild extends AsyncDisposable {
  apply(documents: readonly IndexDocument[], progress: AppliedProgress): Promise<void>
  /**
   * Puts this index in the place of the old one. While `catchUp` runs, nothing is applied to the old one: it is told how far that
   * had come and fills in what is missing here. The old one's bus offsets are taken over, so reading the bus just goes on.
   */
  swap(catchUp: (old: readonly IndexProgress[]) => Promise<void>): Promise<void>
}

/** After `INDEX_CLOSED` nothing succeeds any more; after `INDEX_FAILED` the same call may. */
export type IndexErrorCode =
  'INDEX_CLOSED' | 'INDEX_HELD' | 'INDEX_FAILED' | 'INDEX_REBUILDING' | 'INDEX_NEWER'

export class IndexError extends Error {
  override readonly name = 'IndexError'
  readonly code: IndexErrorCode

  constructor(code: IndexErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
