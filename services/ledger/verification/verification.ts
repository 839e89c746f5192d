export interface VerifyOptions {
  /**
   * Signed checkpoints that somebody kept outside the ledger. Only such memory shows that a log was set back or rewritten by
   * whoever holds its key.
   */
  readonly remembered?: readonly string[]
  /** Called now and then with the entries verified so far. */
  progress?(origin: string, entries: number): void
}

export interface Verification {
  readonly logs: readonly VerifiedLog[]
  /** Empty when everything holds. */
  readonly problems: readonly LedgerProblem[]
}

export interface VerifiedLog {
  readonly origin: string
  readonly size: number
  readonly signedSize: number
  /** Signed heads that were checked against the entries. */
  readonly checkpoints: number
  readonly payloads: number
  readonly erased: number
}

export interface LedgerProblem {
  readonly origin: string
  /** The file, or what else it was found in. */
  readonly file: string
  /** The entry, null when it is not of one. */
  readonly position: number | null
  readonly what: string
  /** Notes signed by the log's own key that contradict each other: proof by themselves. */
  readonly evidence?: readonly string[]
}
