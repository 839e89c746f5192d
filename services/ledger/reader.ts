import type { Leaf } from '../../schemas/leaf.ts'
import type { Tile } from './proof/tile.ts'

/** Read access to sealed entries. Published. Reads see what is durable; a size handed out once never shrinks. */
export interface LedgerReader {
  /** Every log of this ledger, ordered by origin. */
  logs(): Promise<readonly LogHead[]>
  /** The newest signed head of one log. Throws `LEDGER_LOG_UNKNOWN`. */
  head(origin: string): Promise<LogHead>
  /** Throws `LEDGER_POSITION_UNKNOWN` at or beyond the durable end. */
  entry(origin: string, position: number): Promise<Entry>
  /** Entries [from, to) in order, read ahead in blocks. */
  entries(origin: string, from: number, to: number): AsyncIterable<Entry>
  /** Leaf hash path, RFC 6962 order, from the leaf's sibling upward. */
  inclusionProof(origin: string, position: number, size: number): Promise<readonly Buffer[]>
  consistencyProof(origin: string, oldSize: number, newSize: number): Promise<readonly Buffer[]>
  /**
   * The bytes of a C2SP tlog-tiles tile or entry bundle, also a partial one of an earlier checkpoint. Throws
   * `LEDGER_POSITION_UNKNOWN` when the newest signed checkpoint does not cover all of it.
   */
  tile(origin: string, tile: Tile): Promise<Buffer>
  /**
   * The signed checkpoint whose time is the first at or after `atMs`, of several with that time the last; or null. `checkpoints.log`
   * remembers all.
   */
  checkpointAt(origin: string, atMs: number): Promise<LogHead | null>
}

export interface LogHead {
  readonly origin: string
  /** Entries that the signed checkpoint covers. */
  readonly size: number
  readonly root: Buffer
  /** The signed note, C2SP checkpoint. */
  readonly checkpoint: string
  readonly vkey: string
  /** When it was signed, milliseconds since 1970. */
  readonly signedAtMs: number
}

export interface Entry {
  readonly log: string
  readonly position: number
  /** The bytes that are hashed. */
  readonly leafBytes: Buffer
  readonly leafHash: Buffer
  readonly leaf: Leaf
  /** The record's value as it came from the bus, checked against the commitment; null when it was erased or the leaf has none. */
  readonly payload: Buffer | null
  /** The salt of the commitment, null with the payload. */
  readonly salt: Buffer | null
}
