/** A head of a log that was signed. */
export interface SignedHead {
  readonly size: number
  readonly root: Buffer
  /** The signed note. */
  readonly checkpoint: string
  /** Milliseconds since 1970; does not decrease from one head to the next. */
  readonly signedAtMs: number
}

/**
 * The latest signed head of one log: trusted, while the files of the log are checked against it. Reads see the last successful
 * swap, across processes and restarts. It fences a writer that does not know that it was replaced.
 */
export interface HeadRegister {
  read(): Promise<SignedHead | null>
  /**
   * Replaces `expected` by `next`, durably, or reports a conflict. Heads are the same when their notes are. A thrown error means
   * that the outcome is unknown: stop the sequencer.
   */
  swap(
    expected: SignedHead | null,
    next: SignedHead,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: 'head_conflict' }>
}
