import type { SignedHead } from './head-register.ts'

/** Every signed head of one log, and the one that is published. */
export interface CheckpointStore {
  /** The newest signed head. A line that a crash cut short is not one. */
  latest(): Promise<SignedHead | null>
  /** Remembers a head, durably. A rejection means that the outcome is unknown. */
  append(head: SignedHead): Promise<void>
  /**
   * The first head signed at or after this time. Of several with that same time the last: a clock that was ahead leaves them until it
   * has caught up, and the first of them knows nothing of what was sealed meanwhile.
   */
  firstSignedFrom(atMs: number): Promise<SignedHead | null>
  /** All of them in order. Throws `LEDGER_CORRUPT` where one cannot be read. */
  all(): AsyncIterable<SignedHead>
  /** The note that readers find, null before the first. */
  published(): Promise<string | null>
  /** Replaces it at once and durably. */
  publish(checkpoint: string): Promise<void>
}
