/**
 * Hashes of one log in three packs: pack 0 holds the leaf hashes, pack 1 the hash of each full 256 leaves, pack 2 that of each
 * full 65,536. Derived from the entries and rebuilt from them when short or wrong; never trusted without a root to check against.
 */
export interface HashPacks extends AsyncDisposable {
  /** Whole hashes in each pack. */
  readonly counts: readonly [number, number, number]
  /** Appends whole hashes of 32 bytes each. Not synced. */
  append(pack: 0 | 1 | 2, hashes: Buffer): Promise<void>
  /** Exactly `count` hashes from `from` on. Throws `LEDGER_CORRUPT` when they are not there. */
  read(pack: 0 | 1 | 2, from: number, count: number): Promise<Buffer>
  /** Cuts each pack to the given number of hashes. */
  cut(counts: readonly [number, number, number]): Promise<void>
}
