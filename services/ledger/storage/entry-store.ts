import type { Commit } from '../log/commit.ts'

/**
 * The entries of one log, in batches that are there as a whole or not at all. One writer; readers may run beside it.
 * Opening changes nothing: what a crash left behind the last commit stays until `cut`.
 */
export interface EntryStore extends AsyncDisposable {
  /** The last durable commit. A log has at least that of its genesis entry. */
  readonly last: Commit
  /** Bytes behind the last commit, left by a write that was not finished. */
  readonly tornBytes: number
  /** Removes the bytes behind the last commit, durably. To be called before the first append, once nothing signed covers them. */
  cut(): Promise<void>
  /**
   * Appends a batch in one write and syncs; then `last` is its commit. Batches are appended one after the other. A rejection
   * means that the outcome is unknown: the store takes nothing more.
   */
  append(batch: Batch): Promise<void>
  /** Entries from `from` on, in order: at least one, at most up to `to`, as many as one block of the medium holds. Only committed ones. */
  read(from: number, to: number): Promise<readonly Buffer[]>
  /** All segments in order with their committed bytes. */
  segments(): AsyncIterable<StoredSegment>
  /** Takes note of what another process has committed since. */
  refresh(): Promise<void>
}

export interface Batch {
  /** Record frames, then the commit frame. Not changed until `append` settles. */
  readonly bytes: Buffer
  /** How many of `bytes` count. */
  readonly length: number
  /** Where each record's checked bytes begin, see `frame.ts`. */
  readonly starts: Uint32Array
  readonly records: number
  readonly commit: Commit
}

export interface StoredSegment {
  /** What an operator finds it by. */
  readonly name: string
  readonly firstSeq: number
  readonly bytes: Buffer
}
