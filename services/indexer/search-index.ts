import type { IndexDocument } from './documents.ts'
import type { IndexProgress } from './query.ts'

/** The write side of the search index. Everything in it can be made again from the ledger. */
export interface SearchIndex extends AsyncDisposable {
  /** How many documents a call of `apply` should bring when there are that many. */
  readonly batchSize: number
  /** Since it was opened. */
  readonly counts: IndexCounts
  /**
   * Takes documents and the progress they stand for: when this resolves both are durable, when it rejects or the process dies the
   * progress does not count, so the same call comes again. Documents may then be there already, whole or in part; a document whose
   * (log, position) is there is ignored, and a second copy of the same bytes changes no answer, so repeats do no harm. Order between logs
   * does not matter. Calls may overlap, and take effect as if one came after the other. An index on a server waits for it as long as it
   * takes, unless the signal aborts; a document that it refuses is put aside, with an alert, and the rest taken.
   */
  apply(
    documents: readonly IndexDocument[],
    progress: AppliedProgress,
    signal?: AbortSignal,
  ): Promise<void>
  /** The bus offset to go on from, null when none was ever applied. */
  offset(topic: string, partition: number): Promise<bigint | null>
  /** How far the index has come, per log, ordered by log. */
  progress(): Promise<readonly IndexProgress[]>
  /**
   * Which of the entries [from, to) are not in the index, or only in part, in order. Entries without a payload are among them, since they
   * leave no document. Ask for no more than some 100,000 at once.
   */
  missing(log: string, from: number, to: number, signal?: AbortSignal): Promise<readonly Range[]>
  /** Forgets everything: documents, progress and offsets. */
  reset(): Promise<void>
  /** Begins a second, empty index beside this one, which goes on taking and answering. One at a time. */
  beginRebuild(): Promise<IndexRebuild>
}

export interface IndexCounts {
  /** Documents that the index refused and that were put aside. More than 0 asks for a person. */
  readonly deadLetters: number
  /** Requests to write that were sent again, in whole or in part. */
  readonly retries: number
}

/** Positions [from, to). */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface AppliedProgress {
  /** Entries [0, indexed) of the log are in the index after this. A smaller number than before changes nothing. */
  readonly logs: readonly IndexProgress[]
  /** The offset of the record after the last one that these documents came from. */
  readonly offset?: { readonly topic: string; readonly partition: number; readonly next: bigint }
}

/** An index in the making. Disposing it before `swap` has resolved throws it away. */
export interface IndexRebuild extends AsyncDisposable {
  readonly batchSize: number
  apply(
    documents: readonly IndexDocument[],
    progress: AppliedProgress,
    signal?: AbortSignal,
  ): Promise<void>
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
