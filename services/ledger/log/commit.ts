import { closeFrame, frameHeaderBytes, frameType } from './frame.ts'

/**
 * What a commit frame says: the only truth about progress. Its body, big-endian:
 * `i64 next offset | i64 last offset | i32 leader epoch | u64 first seq | u64 size | 32 root | 32 chain head | u64 writer epoch`.
 * The last sequence number is size - 1.
 */
export interface Commit {
  /** Where reading the bus goes on. -1 when nothing was read yet and reading starts at the oldest record. */
  readonly nextOffset: bigint
  /** The last offset that was taken, -1 for none. */
  readonly lastOffset: bigint
  /** Leader epoch of that record, -1 for none. */
  readonly leaderEpoch: number
  /** The first entry of this commit. */
  readonly firstSeq: number
  /** Entries in the log, this commit's included. */
  readonly size: number
  readonly root: Buffer
  /** Leaf hash of the last entry. */
  readonly chainHead: Buffer
  /** Rises each time the log is opened for writing. */
  readonly writerEpoch: number
}

export const commitBodyBytes = 8 + 8 + 4 + 8 + 8 + 32 + 32 + 8
export const commitFrameBytes = frameHeaderBytes + commitBodyBytes

/** Writes a commit frame at `at`, which must have room for `commitFrameBytes`. */
export function writeCommitFrame(commit: Commit, bytes: Buffer, at: number): number {
  let position = at + frameHeaderBytes
  position = bytes.writeBigInt64BE(commit.nextOffset, position)
  position = bytes.writeBigInt64BE(commit.lastOffset, position)
  position = bytes.writeInt32BE(commit.leaderEpoch, position)
  position = bytes.writeBigUInt64BE(BigInt(commit.firstSeq), position)
  position = bytes.writeBigUInt64BE(BigInt(commit.size), position)
  position += commit.root.copy(bytes, position)
  position += commit.chainHead.copy(bytes, position)
  bytes.writeBigUInt64BE(BigInt(commit.writerEpoch), position)
  return closeFrame(bytes, at, frameType.commit, commitBodyBytes)
}

/** Reads the body of a commit frame; null when it cannot be one. */
export function readCommit(body: Buffer): Commit | null {
  if (body.length !== commitBodyBytes) return null
  const commit: Commit = {
    nextOffset: body.readBigInt64BE(0),
    lastOffset: body.readBigInt64BE(8),
    leaderEpoch: body.readInt32BE(16),
    firstSeq: Number(body.readBigUInt64BE(20)),
    size: Number(body.readBigUInt64BE(28)),
    root: Buffer.from(body.subarray(36, 68)),
    chainHead: Buffer.from(body.subarray(68, 100)),
    writerEpoch: Number(body.readBigUInt64BE(100)),
  }
  return commit.firstSeq < commit.size && Number.isSafeInteger(commit.size) ? commit : null
}
